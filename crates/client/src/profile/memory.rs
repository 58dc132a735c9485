//! What was seen of the directory, so that an older state is noticed: a server that shows yesterday's roster could keep
//! someone in who was removed, or have a record sealed to yesterday's key.

use serde::{Deserialize, Serialize};
use siegel_envelope::{SignedBytes, cbor};

use super::ProfileDir;
use crate::error::{Error, Result};
use crate::os;

/// Most bytes of a stored roster: every member and sender a tenant may have, several times over.
const ROSTER_BYTES: usize = 64 * 1024 * 1024;

/// The newest state that was seen and verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Entries of the roster.
    pub roster_length: u64,
    /// Digest of its last entry, hex.
    pub roster_head: Option<String>,
    /// The newest epoch.
    pub epoch: u64,
    /// Revision of the newest bundle (members).
    pub bundle_revision: u64,
    /// The newest signed checkpoint of the directory, hex.
    pub checkpoint: Option<String>,
}

impl ProfileDir {
    /// The memory; empty if nothing was seen yet. A damaged one is an error: forgetting would hide a rollback.
    pub fn memory(&self) -> Result<Memory> {
        let path = self.path().join("memory.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| Error::profile(&path, error.message())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Memory::default()),
            Err(error) => Err(Error::file(&path)(error)),
        }
    }

    /// Remembers.
    pub fn remember(&self, memory: &Memory) -> Result<()> {
        let path = self.path().join("memory.toml");
        let text = toml::to_string(memory).expect("strings and numbers always encode");
        os::replace(&path, text.as_bytes()).map_err(Error::file(&path))
    }

    /// The roster's entries as far as they were verified before; none if the file is missing or damaged (they are
    /// fetched and verified again; what must not go back is in [`Memory`]).
    pub fn roster_entries(&self) -> Vec<SignedBytes> {
        let Ok(bytes) = std::fs::read(self.path().join("roster.cbor")) else { return Vec::new() };
        cbor::decode(&bytes, ROSTER_BYTES).unwrap_or_default()
    }

    /// Keeps verified entries.
    pub fn keep_roster_entries(&self, entries: &Vec<SignedBytes>) -> Result<()> {
        let path = self.path().join("roster.cbor");
        os::replace(&path, &cbor::encode(entries)).map_err(Error::file(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_survives_and_damage_is_not_forgetting() {
        let temp = tempfile::tempdir().unwrap();
        let dir = ProfileDir::at(temp.path());
        assert_eq!(dir.memory().unwrap(), Memory::default());
        let memory = Memory { roster_length: 3, epoch: 1, checkpoint: Some("00".into()), ..Memory::default() };
        dir.remember(&memory).unwrap();
        assert_eq!(dir.memory().unwrap(), memory);
        std::fs::write(temp.path().join("memory.toml"), "roster_length = ").unwrap();
        assert!(matches!(dir.memory(), Err(Error::Profile { .. })));
    }
}
