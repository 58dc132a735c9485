//! Making the vectors. Everything is drawn from fixed seeds, so the same files come out on every machine.
//!
//! A case is written as: a good thing from the [`world`], one change to it, and the verdict that must follow.

mod bad_rosters;
mod forge;
mod grants;
mod keys;
mod manifests;
mod parts;
mod records;
mod resigned;
mod rosters;
mod slots;
mod statements;
mod world;

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::Files;
use crate::case::{Body, Case};

/// Vectors made by another implementation; not made here, but run like all others.
const FOREIGN: &str = "python/";

/// Collects cases as files.
#[derive(Default)]
struct Book {
    files: Files,
}

impl Book {
    fn add(&mut self, group: &str, name: &str, about: &str, body: Body, expect: Value) {
        let case = Case { name: name.to_owned(), about: about.to_owned(), body, expect };
        let mut text = serde_json::to_vec_pretty(&case).expect("a case is plain data");
        text.push(b'\n');
        let before = self.files.insert(format!("{group}/{name}.json"), text);
        assert!(before.is_none(), "two vectors are called {group}/{name}");
    }
}

fn refused_at(stage: &str, released: usize) -> Value {
    json!({ "verdict": "refused", "stage": stage, "released": released })
}

/// All vectors that are made here.
pub fn all() -> Files {
    let mut book = Book::default();
    let world = world::World::new();
    records::add(&mut book, &world);
    parts::add(&mut book, &world);
    manifests::add(&mut book, &world);
    grants::add(&mut book, &world);
    keys::add(&mut book, &world);
    slots::add(&mut book, &world);
    rosters::add(&mut book, &world);
    statements::add(&mut book, &world);
    book.files
}

/// Reads all vector files below `folder`.
pub fn read(folder: &Path) -> io::Result<Files> {
    fn walk(root: &Path, folder: &Path, files: &mut Files) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                walk(root, &path, files)?;
            } else if path.extension().is_some_and(|e| e == "json" || e == "part") {
                let name = path.strip_prefix(root).map_err(io::Error::other)?;
                let name = name.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
                files.insert(name, std::fs::read(&path)?);
            }
        }
        Ok(())
    }
    let mut files = Files::new();
    walk(folder, folder, &mut files)?;
    Ok(files)
}

/// Writes `files` below `folder` and removes vectors that are no longer made.
pub fn write(folder: &Path, files: &Files) -> io::Result<()> {
    if folder.exists() {
        for name in read(folder)?.keys().filter(|name| !name.starts_with(FOREIGN) && !files.contains_key(*name)) {
            std::fs::remove_file(folder.join(name))?;
        }
    }
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().ok_or_else(|| io::Error::other("no folder"))?)?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

/// What differs between the files below `folder` and what is made now. JSON is compared by meaning.
pub fn drift(folder: &Path) -> io::Result<Vec<String>> {
    let (made, found) = (all(), read(folder)?);
    let same = |a: &[u8], b: &[u8]| {
        let json = |bytes| serde_json::from_slice::<Value>(bytes).ok();
        a == b || json(a).zip(json(b)).is_some_and(|(a, b)| a == b)
    };
    let mut drift: Vec<String> = made
        .iter()
        .filter_map(|(name, bytes)| match found.get(name) {
            None => Some(format!("{name} is missing")),
            Some(other) if !same(bytes, other) => Some(format!("{name} differs from what is made")),
            Some(_) => None,
        })
        .collect();
    let extra = found.keys().filter(|name| !name.starts_with(FOREIGN) && !made.contains_key(*name));
    drift.extend(extra.map(|name| format!("{name} is made no longer")));
    Ok(drift)
}
