//! Going on where an upload broke off. What is needed for it lies on disk, sealed to this device's own key: the record's
//! key, and digest and plaintext hash of each part, written before the part leaves. The hashes serve only to notice that
//! the file changed; then it becomes a new record.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use siegel_api::records::PartAck;
use siegel_crypto::seal::SealedPart;
use siegel_crypto::state::{self, Resume, ResumePart};
use siegel_crypto::{DeviceKeys, RecordSealer};
use siegel_domain::limits::CHUNK_BYTES;
use siegel_envelope::{Digest, PartLayout};

use crate::error::{Error, Result};
use crate::os;
use crate::profile::ProfileDir;
use crate::rng;

const COMMIT: &str = "siegel/1/resume-commit";

/// The state of one file's upload on disk.
pub(super) struct ResumeFile {
    path: PathBuf,
    device: DeviceKeys,
}

impl ResumeFile {
    /// For `file`, wherever it is named from. The name on disk is a hash: it tells nobody which files were sent.
    pub(super) fn of(dir: &ProfileDir, device: &DeviceKeys, file: &Path) -> Result<Self> {
        let whole = std::fs::canonicalize(file).map_err(Error::file(file))?;
        let name = Digest::of(whole.as_os_str().as_encoded_bytes()).to_hex();
        let states = dir.resume_dir();
        os::private_dir(&states).map_err(Error::file(&states))?;
        Ok(Self { path: states.join(&name[..32]), device: device.clone() })
    }

    /// The state, if there is one that belongs to a file of this length. Damaged ones are worth nothing.
    pub(super) fn load(&self, plain_bytes: u64) -> Option<Resume> {
        let sealed = std::fs::read(&self.path).ok()?;
        Resume::open(&self.device.kem, &sealed).ok().filter(|resume| resume.plain_bytes == plain_bytes)
    }

    /// Writes the state down, so that it survives this process (not a power failure: then the parts are sent again).
    pub(super) fn save(&self, resume: &Resume) -> Result<()> {
        self.write(&self.path, &resume.seal(&self.device, &mut rng::system()))
    }

    /// The commit as it was sent, so that it can be repeated byte by byte when its answer was lost.
    pub(super) fn save_commit(&self, body: &[u8]) -> Result<()> {
        self.write(&self.commit_path(), &state::seal(&self.device, COMMIT, body, &mut rng::system()))
    }

    /// The commit that was sent, if one was.
    pub(super) fn load_commit(&self) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        let sealed = std::fs::read(self.commit_path()).ok()?;
        state::open(&self.device.kem, COMMIT, &sealed).ok()
    }

    /// Forgets: the record is committed, or the file changed.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_file(self.commit_path());
    }

    fn commit_path(&self) -> PathBuf {
        self.path.with_extension("commit")
    }

    fn write(&self, path: &Path, sealed: &[u8]) -> Result<()> {
        let beside = path.with_extension("new");
        let write = || {
            let mut file = os::private_options().write(true).create(true).truncate(true).open(&beside)?;
            std::io::Write::write_all(&mut file, sealed)?;
            drop(file);
            std::fs::rename(&beside, path)
        };
        write().map_err(Error::file(path))
    }
}

/// What of an interrupted upload still counts.
pub(super) struct Kept {
    /// The record, its key and its parts.
    pub(super) state: Resume,
    /// Numbers of the parts that have to be sent.
    pub(super) missing: Vec<u32>,
    /// Plaintext bytes that have not.
    pub(super) kept_bytes: u64,
}

/// Compares a state with what the platform has acknowledged and with the file as it is now. `None`: the file changed.
pub(super) fn compare(
    state: Resume,
    acknowledged: &[PartAck],
    file: &mut File,
    layout: PartLayout,
) -> std::io::Result<Option<Kept>> {
    let mut missing = Vec::new();
    let mut kept_bytes = 0;
    for number in 0..layout.parts {
        let shape = layout.part(number).expect("within the layout");
        let known = state.parts.get(number as usize);
        let acked = acknowledged.iter().find(|ack| ack.number == number);
        let same = known.zip(acked).is_some_and(|(known, ack)| known.entry.digest.as_bytes()[..] == ack.digest[..]);
        match known.filter(|_| same) {
            None => missing.push(number),
            Some(known) => {
                if hash(file, number, shape.plain_bytes)? != known.plain_hash {
                    return Ok(None);
                }
                kept_bytes += shape.plain_bytes as u64;
            }
        }
    }
    Ok(Some(Kept { state, missing, kept_bytes }))
}

/// Whether the file still is what all parts of the state were sealed from.
pub(super) fn is_same_file(state: &Resume, file: &mut File, layout: PartLayout) -> std::io::Result<bool> {
    if state.parts.len() != layout.parts as usize {
        return Ok(false);
    }
    for (number, known) in (0..).zip(&state.parts) {
        let shape = layout.part(number).expect("as many parts as the layout has");
        if hash(file, number, shape.plain_bytes)? != known.plain_hash {
            return Ok(false);
        }
    }
    Ok(true)
}

fn hash(file: &mut File, number: u32, length: usize) -> std::io::Result<Digest> {
    file.seek(SeekFrom::Start(u64::from(number) * siegel_domain::limits::PART_PLAINTEXT_BYTES as u64))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut left = length;
    while left > 0 {
        let piece = &mut buffer[..left.min(CHUNK_BYTES)];
        file.read_exact(piece)?;
        hasher.update(piece);
        left -= piece.len();
    }
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

/// Notes a sealed part at its place; what was noted there before. Parts are sealed in order, so at most one place is new.
pub(super) fn note(state: &mut Resume, number: u32, part: SealedPart) -> Option<ResumePart> {
    let plain_hash = part.plain_hash.expect("the sealer was asked for it");
    let noted = ResumePart { entry: part.entry(), plain_hash };
    match state.parts.get_mut(number as usize) {
        Some(place) => Some(std::mem::replace(place, noted)),
        None => {
            state.parts.push(noted);
            None
        }
    }
}

/// A sealer that goes on with the state's record.
pub(super) fn sealer(context: siegel_crypto::RecordContext, state: &Resume) -> RecordSealer {
    RecordSealer::resume(context, state.key.clone()).with_plain_hashes()
}
