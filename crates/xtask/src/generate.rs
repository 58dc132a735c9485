//! Files that programs of ours make and that are committed: a fresh clone builds without the generators, and a reader
//! of a change sees what it does to the wire.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tree;
use crate::work::Work;

/// A program of the workspace and what it makes; a new generator is a new entry.
struct Generator {
    what: &'static str,
    /// The program and its arguments.
    run: &'static [&'static str],
    makes: Makes,
}

enum Makes {
    /// The program prints this file.
    Printed(&'static str),
    /// The program writes all files of this directory, whose name it gets as its last argument; all but those below
    /// `others`, if that is given.
    Directory { path: &'static str, others: Option<&'static str> },
}

const GENERATORS: &[Generator] = &[
    Generator {
        what: "gRPC and event code",
        run: &["siegel-protogen"],
        makes: Makes::Directory { path: "proto/src/generated", others: None },
    },
    Generator {
        what: "test vectors",
        run: &["siegel-vectors", "generate"],
        // What another implementation made is kept, and only ever read.
        makes: Makes::Directory { path: "tests/vectors", others: Some("tests/vectors/python/") },
    },
    Generator {
        what: "the OpenAPI document",
        run: &["siegel-server", "openapi"],
        makes: Makes::Printed("docs/openapi.json"),
    },
    Generator {
        what: "the AsyncAPI document",
        run: &["siegel-server", "asyncapi"],
        makes: Makes::Printed("docs/asyncapi.json"),
    },
];

/// `cargo xtask gen`: writes everything anew, or with `check` only compares.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut work = Work::new("gen")?;
    let changed = all(&mut work, !check).with_context(|| format!("see {}", work.path().display()))?;
    match changed.as_slice() {
        [] => println!("generated files are as their generators make them"),
        files if check => {
            bail!("these differ from what their generators make (cargo xtask gen):\n  {}", files.join("\n  "))
        }
        files => println!("written:\n  {}", files.join("\n  ")),
    }
    Ok(())
}

/// The stage: nothing generated may differ from what its generator makes.
pub(crate) fn drift(work: &mut Work) -> Result<String> {
    let changed = all(work, false)?;
    if !changed.is_empty() {
        bail!("these differ from what their generators make (cargo xtask gen):\n  {}", changed.join("\n  "));
    }
    Ok(format!("{} generators", GENERATORS.len()))
}

/// Runs every generator and answers with the files that differ, written if `write`.
fn all(work: &mut Work, write: bool) -> Result<Vec<String>> {
    // All programs, and none by itself: with other packages beside them dependencies have other features, and would be built twice.
    work.run(&mut tree::cargo(["build", "--workspace", "--locked"]))?;
    let mut changed = Vec::new();
    for generator in GENERATORS {
        let made = make(work, generator).with_context(|| format!("generate {}", generator.what))?;
        changed.extend(compare(generator, &made, write)?);
    }
    Ok(changed)
}

/// What a generator makes, by path from the root.
fn make(work: &mut Work, generator: &Generator) -> Result<BTreeMap<String, Vec<u8>>> {
    let (program, args) = generator.run.split_first().context("a generator has a program")?;
    let mut command = Command::new(tree::target().join("debug").join(program));
    command.args(args).current_dir(tree::root());
    match generator.makes {
        Makes::Printed(file) => {
            let printed = work.output(&mut command)?;
            if printed.is_empty() {
                bail!("the generator printed nothing");
            }
            Ok(BTreeMap::from([(file.into(), printed)]))
        }
        Makes::Directory { path: directory, .. } => {
            let scratch = tree::target().join("xtask").join("gen").join(directory.replace('/', "-"));
            // Left over from an earlier run, a file that is no longer made would look as if it were.
            std::fs::remove_dir_all(&scratch).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
            std::fs::create_dir_all(&scratch)?;
            work.run(command.arg(&scratch))?;
            let made = read_all(&scratch, directory)?;
            if made.is_empty() {
                bail!("the generator made no file");
            }
            Ok(made)
        }
    }
}

fn compare(generator: &Generator, made: &BTreeMap<String, Vec<u8>>, write: bool) -> Result<Vec<String>> {
    let mut changed = Vec::new();
    for (file, bytes) in made {
        let path = tree::root().join(file);
        if std::fs::read(&path).ok().as_deref() == Some(bytes) {
            continue;
        }
        changed.push(file.clone());
        if write {
            let parent = path.parent().expect("a file in the tree has a directory");
            std::fs::create_dir_all(parent)?;
            std::fs::write(&path, bytes).with_context(|| format!("write {file}"))?;
        }
    }
    if let Makes::Directory { path, others } = generator.makes {
        let there = read_all(&tree::root().join(path), path).unwrap_or_default();
        let of_others = |file: &str| others.is_some_and(|others| file.starts_with(others));
        for file in there.keys().filter(|file| !made.contains_key(*file) && !of_others(file)) {
            changed.push(format!("{file} (no longer made)"));
            if write {
                std::fs::remove_file(tree::root().join(file)).with_context(|| format!("remove {file}"))?;
            }
        }
    }
    Ok(changed)
}

/// All files below `directory`, named as if it were `name`.
fn read_all(directory: &Path, name: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(PathBuf::from(directory), name.to_owned())];
    while let Some((directory, name)) = open.pop() {
        for entry in std::fs::read_dir(&directory).with_context(|| format!("list {}", directory.display()))? {
            let entry = entry?;
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                open.push((entry.path(), name));
            } else {
                found.insert(name, std::fs::read(entry.path())?);
            }
        }
    }
    Ok(found)
}
