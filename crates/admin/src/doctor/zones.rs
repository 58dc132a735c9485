//! Both zones: whether they are there, are the ones they should be, and can be written.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use siegel_platform::zones::NAMES;

use super::Finding;
use crate::place::Place;

/// Looks at both. One that is away does not stop the platform (R08), but nobody wants to stay on one leg.
pub(super) fn check(place: &Place) -> Vec<Finding> {
    ["a", "b"].iter().zip(NAMES).map(|(short, name)| look(&place.file("zones").join(short), name)).collect()
}

fn look(root: &Path, name: &'static str) -> Finding {
    let shown = root.display();
    match fs::read_to_string(root.join("siegel-zone")) {
        Err(_) => {
            let next = "mount its disk; uploads of tenants with `strict` are refused until then, the others are healed afterwards";
            return Finding::fail(name, format!("{shown} is away (no mark in it)"), next);
        }
        Ok(mark) if !mark.contains(name) => {
            return Finding::fail(
                name,
                format!("{shown} is marked as another zone"),
                "two disks are mounted the wrong way round",
            );
        }
        Ok(_) => {}
    }
    match try_out(root) {
        Ok(()) => Finding::ok(name, format!("{shown} can be written")),
        Err(error) => {
            let next = "give the server's user the right to write there, and the disk room";
            Finding::fail(name, format!("{shown} can't be written: {error}"), next)
        }
    }
}

/// Writes a file, as the server would, and removes it.
fn try_out(root: &Path) -> io::Result<()> {
    let path = root.join(format!(".doctor-{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    let written = file.write_all(b"siegel-admin doctor").and_then(|()| file.sync_all());
    drop(file);
    fs::remove_file(&path)?;
    written
}
