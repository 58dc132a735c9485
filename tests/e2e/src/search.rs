//! Looking for what must not be there (FAULTS F40): in every file, in every spelling a program may have given it.

use std::path::{Path, PathBuf};

use siegel_api::Bytes;

/// All files below a directory.
pub fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Files below `root` that hold `canary` as it is, in hexadecimal, in base64 at any alignment or in UTF-16.
pub fn canary_hits(root: &Path, canary: &[u8]) -> Vec<PathBuf> {
    hits(&files_below(root), canary)
}

/// The same among `files`.
pub(crate) fn hits(files: &[PathBuf], canary: &[u8]) -> Vec<PathBuf> {
    let spellings = spellings(canary);
    let holds = |path: &Path| {
        let content = std::fs::read(path).unwrap_or_default();
        spellings.iter().any(|spelling| contains(&content, spelling))
    };
    files.iter().filter(|path| holds(path)).cloned().collect()
}

fn spellings(canary: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = canary.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![canary.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    all.push(canary.iter().flat_map(|byte| [*byte, 0]).collect());
    for skew in 0..3 {
        let mut shifted = vec![0; skew];
        shifted.extend_from_slice(canary);
        let text = Bytes(shifted).to_text();
        // The first characters mix with what stood before, the last with what comes after.
        let core = &text[if skew == 0 { 0 } else { skew + 1 }..text.len() - 2];
        all.push(core.as_bytes().to_vec());
        all.push(core.replace('-', "+").replace('_', "/").into_bytes());
    }
    all
}

/// Whether `hay` holds `needle`.
pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(hay, needle).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_every_spelling() {
        let dir = tempfile::tempdir().unwrap();
        let canary = b"Erika Mustermann";
        for (name, content) in [
            ("raw", b"..Erika Mustermann..".to_vec()),
            ("hex", Bytes(canary.to_vec()).iter().map(|b| format!("{b:02x}")).collect::<String>().into_bytes()),
            ("base64", Bytes(b"xyzw-Erika Mustermann!".to_vec()).to_text().into_bytes()),
            ("utf16", canary.iter().flat_map(|b| [*b, 0]).collect()),
        ] {
            std::fs::write(dir.path().join(name), content).unwrap();
            assert_eq!(canary_hits(dir.path(), canary).len(), 1, "{name}");
            std::fs::remove_file(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("other"), b"Erika Musterfrau").unwrap();
        assert!(canary_hits(dir.path(), canary).is_empty());
    }
}
