//! What must not be found: names, notes, codes, passwords, keys, and pieces of the files themselves. Each is made for this
//! run, so that a hit can't be chance, and looked for in each shape it might have been written down in.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use siegel_client::rng;
use zeroize::Zeroizing;

use crate::error::{Failure, Result};

/// Pieces of a file that are looked for.
const PIECES: u64 = 16;
/// Bytes of a piece: no two places of a file are alike that long, unless they are empty.
const PIECE_BYTES: usize = 24;
/// Shorter ones would be found by chance in base64 of random bytes.
const BASE64_FROM: usize = 9;

/// A thing that must not be found, and what it is.
pub(super) struct Canary {
    /// What it is, in a word of the catalogue: `canary-name` …
    pub(super) kind: &'static str,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Canaries(Vec<Canary>);

impl Canaries {
    /// Something secret in bytes: a key, a code.
    pub(super) fn secret(&mut self, kind: &'static str, bytes: &[u8]) {
        self.0.push(Canary { kind, bytes: Zeroizing::new(bytes.to_vec()) });
    }

    /// A text that people wrote.
    pub(super) fn text(&mut self, text: &str) {
        self.secret("canary-text", text.as_bytes());
    }

    /// A name that nobody else has.
    pub(super) fn person(&mut self, family: &str) -> String {
        let given = letters(8);
        self.text(&given);
        format!("{family} {given}")
    }

    /// A word that stands nowhere else.
    pub(super) fn word(&mut self, prefix: &str) -> String {
        let word = format!("{prefix}{}", letters(8));
        self.text(&word);
        word
    }

    /// Pieces from all over a file.
    pub(super) fn file(&mut self, path: &Path) -> Result<()> {
        let mut file = File::open(path).map_err(Failure::file(path))?;
        let length = file.metadata().map_err(Failure::file(path))?.len();
        for piece in 0..PIECES {
            let mut bytes = Zeroizing::new(vec![0; PIECE_BYTES]);
            let at = length.saturating_sub(PIECE_BYTES as u64) * piece / (PIECES - 1);
            let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
            // Runs of one byte are everywhere.
            let distinct = bytes.iter().any(|byte| *byte != bytes[0]);
            if read.is_ok() && distinct {
                self.0.push(Canary { kind: "canary-file", bytes });
            }
        }
        Ok(())
    }

    /// The byte strings to look for, with the canary each belongs to.
    pub(super) fn patterns(&self) -> Vec<(usize, Zeroizing<Vec<u8>>)> {
        let mut patterns: Vec<(usize, Zeroizing<Vec<u8>>)> = Vec::new();
        for (canary, Canary { bytes, .. }) in self.0.iter().enumerate() {
            patterns.extend(shapes(bytes).into_iter().map(|shape| (canary, Zeroizing::new(shape))));
        }
        patterns
    }

    pub(super) fn get(&self, canary: usize) -> &Canary {
        &self.0[canary]
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// As it is, in hex of either case, in UTF-16 of either order, and in base64 of either alphabet at any of the three
/// places where it may begin.
fn shapes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut shapes = vec![bytes.to_vec(), hex.clone().into_bytes(), hex.to_uppercase().into_bytes()];
    if let Ok(text) = std::str::from_utf8(bytes) {
        shapes.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        shapes.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    if bytes.len() >= BASE64_FROM {
        for before in 0..3 {
            let padded = [vec![0; before], bytes.to_vec()].concat();
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let text = engine.encode(&padded);
                // Characters at either end hold bits of their neighbours.
                let from = (before * 8).div_ceil(6);
                let to = padded.len() * 8 / 6;
                shapes.push(text.as_bytes()[from..to].to_vec());
            }
        }
    }
    shapes.sort();
    shapes.dedup();
    shapes
}

fn letters(count: usize) -> String {
    let bytes = rng::bytes::<32>();
    bytes.iter().take(count).map(|byte| char::from(b'a' + byte % 26)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_any_shape_wherever_it_begins() {
        let canary = b"Kanarienvogel";
        let shapes = shapes(canary);
        let found = |text: &[u8]| shapes.iter().any(|shape| text.windows(shape.len()).any(|window| window == shape));
        for before in 0..7 {
            let text = [&b"xyzuvw\xff"[..before], canary, b" sings"].concat();
            assert!(found(&text));
            assert!(found(STANDARD_NO_PAD.encode(&text).as_bytes()), "base64, {before} before it");
            assert!(found(URL_SAFE_NO_PAD.encode(&text).as_bytes()), "base64url, {before} before it");
        }
        assert!(found("Kanarienvogel".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().as_slice()));
        assert!(found(b"4b616e617269656e766f67656c"));
        assert!(!found(b"Kanarienvoge1 kanarienvogel"));
    }

    #[test]
    fn pieces_of_a_file_are_from_all_over_it_and_never_empty_runs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let mut bytes = vec![0; 10_000];
        bytes.extend((0..10_000u32).flat_map(u32::to_le_bytes));
        std::fs::write(&path, &bytes).unwrap();
        let mut canaries = Canaries::default();
        canaries.file(&path).unwrap();
        assert!(canaries.len() > 8 && canaries.len() < PIECES as usize, "{}", canaries.len());
        std::fs::write(&path, b"short").unwrap();
        let mut none = Canaries::default();
        none.file(&path).unwrap();
        assert_eq!(none.len(), 0);
    }
}
