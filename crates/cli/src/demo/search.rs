//! The search through everything that lies at the platform: each file of its state directory (databases with their
//! write-ahead logs, both zones, events, certificate) and its log, byte by byte.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;

use super::canary::Canaries;
use crate::error::{Exit, Failure, Result};

const BUFFER_BYTES: usize = 1 << 20;
/// Files that one search is willing to open.
const FILES: usize = 100_000;

/// What was searched and found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) patterns: usize,
    /// Kind of canary and the file it was found in.
    pub(super) hits: Vec<(&'static str, PathBuf)>,
}

/// Searches `places`, files or directories with all that is below them.
pub(super) fn search(canaries: &Canaries, places: &[PathBuf]) -> Result<Found> {
    let patterns = canaries.patterns();
    let machine = AhoCorasick::new(patterns.iter().map(|(_, pattern)| &pattern[..]))
        .map_err(|error| Failure::own(Exit::Unexpected, "demo-search-failed").with("why", error))?;
    let longest = patterns.iter().map(|(_, pattern)| pattern.len()).max().unwrap_or(0);
    let mut found = Found { patterns: patterns.len(), ..Found::default() };
    for path in files(places)? {
        let mut hits = Vec::new();
        found.bytes += scan(&machine, longest, &path, |pattern| hits.push(patterns[pattern].0))?;
        found.files += 1;
        hits.sort_unstable();
        hits.dedup();
        found.hits.extend(hits.into_iter().map(|canary| (canaries.get(canary).kind, path.clone())));
    }
    Ok(found)
}

/// One file in windows that overlap by the longest pattern, so that none hides on a border.
fn scan(machine: &AhoCorasick, longest: usize, path: &Path, mut hit: impl FnMut(usize)) -> Result<u64> {
    let mut file = match File::open(path) {
        // Deleted between listing and opening: a write-ahead log that was folded in.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        other => other.map_err(Failure::file(path))?,
    };
    let mut window = vec![0; BUFFER_BYTES + longest];
    let mut kept = 0;
    let mut total = 0;
    loop {
        let read = file.read(&mut window[kept..]).map_err(Failure::file(path))?;
        if read == 0 {
            return Ok(total);
        }
        total += read as u64;
        let filled = kept + read;
        for found in machine.find_overlapping_iter(&window[..filled]) {
            hit(found.pattern().as_usize());
        }
        let tail = longest.saturating_sub(1).min(filled);
        window.copy_within(filled - tail..filled, 0);
        kept = tail;
    }
}

/// All plain files at and below `places`.
pub(super) fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut left: Vec<PathBuf> = places.to_vec();
    while let Some(path) = left.pop() {
        let metadata = match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other.map_err(Failure::file(&path))?,
        };
        if metadata.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(Failure::file(&path))? {
                left.push(entry.map_err(Failure::file(&path))?.path());
            }
        } else if metadata.is_file() && files.len() < FILES {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A search that can't find anything would prove nothing.
    #[test]
    fn what_is_there_is_found_also_across_windows_and_in_other_shapes() {
        let dir = tempfile::tempdir().unwrap();
        let mut canaries = Canaries::default();
        canaries.text("Erika Beispielfrau");
        let nothing = search(&canaries, &[dir.path().to_owned()]).unwrap();
        assert_eq!((nothing.files, nothing.hits.len()), (0, 0));

        std::fs::create_dir(dir.path().join("zone")).unwrap();
        for (name, at) in [("start", 0), ("border", BUFFER_BYTES - 5), ("end", 3 * BUFFER_BYTES)] {
            let mut bytes = vec![b'.'; at];
            bytes.extend_from_slice(b"Erika Beispielfrau");
            std::fs::write(dir.path().join("zone").join(name), bytes).unwrap();
        }
        std::fs::write(dir.path().join("hex"), "4572696b612042656973706965c66672617520").unwrap();
        std::fs::write(
            dir.path().join("utf16"),
            "Erika Beispielfrau".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        )
        .unwrap();
        let found = search(&canaries, &[dir.path().to_owned()]).unwrap();
        let names: Vec<_> =
            found.hits.iter().map(|(_, path)| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["utf16", "border", "end", "start"], "and not the one with a wrong digit");
        assert_eq!(found.files, 5);
    }
}
