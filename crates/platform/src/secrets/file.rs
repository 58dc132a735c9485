//! The sealed file's bytes: a line that says what it is, then AES-256-GCM over the secrets, with that line as AAD. The key file
//! holds 32 bytes in base64url. Both are written whole or not at all, readable by their owner alone.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use siegel_api::Bytes;
use zeroize::{Zeroize, Zeroizing};

use super::seal::{self, KEY_BYTES, SealError};
use super::sealed::Map;
use super::{Secret, SecretsError};
use crate::files::{self, Visibility};
use crate::rng::Rng;

const MAGIC: &[u8] = b"siegel/1/secrets\n";

/// What is sealed in `path` and the key it is sealed under; both are made if this is a first start.
pub(super) fn open_or_create(
    path: &Path,
    key_file: &Path,
    rng: &dyn Rng,
) -> Result<(Zeroizing<[u8; KEY_BYTES]>, Map), SecretsError> {
    let sealed = read(path)?;
    match (sealed, read_key(key_file)?) {
        (Some(sealed), Some(key)) => match open(&sealed, &key) {
            Ok(map) => Ok((key, map)),
            Err(SealError) => Err(SecretsError::DoesNotOpen { secrets: path.to_owned(), key: key_file.to_owned() }),
        },
        (Some(_), None) => Err(SecretsError::KeyMissing { secrets: path.to_owned(), key: key_file.to_owned() }),
        (None, key) => {
            let beside = path.with_file_name("provider.db");
            if beside.exists() {
                return Err(SecretsError::Lost { secrets: path.to_owned(), beside });
            }
            let key = key.map_or_else(|| create_key(key_file, rng), Ok)?;
            let map = Map::new();
            write(path, &key, &map, rng)?;
            Ok((key, map))
        }
    }
}

/// Which file it was: each change is a new one, renamed over the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(Option<SystemTime>, u64, u64);

/// The stamp of the file that is there now.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let there = std::fs::metadata(path).ok()?;
    Some(Stamp(there.modified().ok(), there.len(), inode(&there)))
}

#[cfg(unix)]
fn inode(there: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(there)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

/// Holds the file against other processes that change it.
pub(super) fn lock(path: &Path) -> Result<File, SecretsError> {
    let lock = path.with_extension("lock");
    files::lock(&lock).map_err(|source| io_error(&lock, source))
}

/// What is sealed in `path` now.
pub(super) fn read_map(path: &Path, key: &[u8; KEY_BYTES]) -> Result<Map, SecretsError> {
    let sealed = read(path)?.ok_or_else(|| io_error(path, io::ErrorKind::NotFound.into()))?;
    Ok(open(&sealed, key)?)
}

/// Replaces the sealed file.
pub(super) fn write(path: &Path, key: &[u8; KEY_BYTES], map: &Map, rng: &dyn Rng) -> Result<(), SecretsError> {
    let mut plain = Vec::new();
    // name length, name, secret length, secret; lengths as 32 bits
    for (name, secret) in map {
        for field in [name.as_bytes(), secret.as_slice()] {
            let length = u32::try_from(field.len()).expect("no secret is as long as 4 GiB");
            plain.extend_from_slice(&length.to_be_bytes());
            plain.extend_from_slice(field);
        }
    }
    let mut text = MAGIC.to_vec();
    text.extend(seal::seal(rng, key, MAGIC, &plain));
    plain.zeroize();
    files::replace(path, &text, Visibility::Private).map_err(|source| io_error(path, source))
}

fn open(sealed: &[u8], key: &[u8; KEY_BYTES]) -> Result<Map, SealError> {
    let text = sealed.strip_prefix(MAGIC).ok_or(SealError)?;
    let plain = seal::open(key, MAGIC, text)?;
    let mut rest = plain.as_slice();
    let mut map = Map::new();
    while !rest.is_empty() {
        let name = String::from_utf8(take(&mut rest)?.to_vec()).map_err(|_| SealError)?;
        map.insert(name, take(&mut rest)?);
    }
    Ok(map)
}

fn take(rest: &mut &[u8]) -> Result<Secret, SealError> {
    let (length, after) = rest.split_first_chunk::<4>().ok_or(SealError)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| SealError)?;
    let (field, after) = after.split_at_checked(length).ok_or(SealError)?;
    *rest = after;
    Ok(Zeroizing::new(field.to_vec()))
}

fn read_key(path: &Path) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, SecretsError> {
    let Some(text) = read(path)? else { return Ok(None) };
    let not_a_key = || SecretsError::NotAKey { path: path.to_owned() };
    let text = std::str::from_utf8(&text).map_err(|_| not_a_key())?;
    let bytes = Zeroizing::new(Bytes::from_text(text.trim()).ok_or_else(not_a_key)?.0);
    let key = bytes.as_slice().try_into().map_err(|_| not_a_key())?;
    Ok(Some(Zeroizing::new(key)))
}

fn create_key(path: &Path, rng: &dyn Rng) -> Result<Zeroizing<[u8; KEY_BYTES]>, SecretsError> {
    let key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(rng.bytes());
    let text = Zeroizing::new(Bytes(key.to_vec()).to_text() + "\n");
    files::create(path, text.as_bytes(), Visibility::Private).map_err(|source| io_error(path, source))?;
    Ok(key)
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, SecretsError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error(path, source)),
    }
}

fn io_error(path: &Path, source: io::Error) -> SecretsError {
    SecretsError::Io { path: path.to_owned(), source }
}
