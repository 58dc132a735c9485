//! How a commit wakes readers in other processes on the same machine. A bell is a small file of a service, `bells/<service>`:
//! its first line is drawn anew each time the file is begun, each further line names a tenant that has new events.
//!
//! The file is a hint, never the truth: that is the outbox. A producer begins it at its start, so that a kill between a
//! commit and its ring is made good when it comes back, and again when it has grown; whoever meets a beginning it does not
//! know looks at every tenant.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use siegel_domain::TenantId;

use crate::files::{self, Visibility};
use crate::rng::Rng;

/// A file longer than this is begun anew: two thousand rings, more than a reader misses between two looks.
const LONGEST_BYTES: u64 = 64 * 1024;
/// Characters of the first line, its end included.
const BEGINNING_BYTES: u64 = 33;

fn path(state_dir: &Path, service: &str) -> PathBuf {
    state_dir.join("bells").join(service)
}

/// A producer's side.
pub(super) struct Bell {
    path: PathBuf,
    rng: Arc<dyn Rng>,
    file: Mutex<Option<(File, u64)>>,
}

impl Bell {
    /// The bell of a service of this process, begun anew.
    pub(super) fn new(state_dir: &Path, service: &str, rng: Arc<dyn Rng>) -> Self {
        let bell = Self { path: path(state_dir, service), rng, file: Mutex::default() };
        let begun = bell.begin();
        bell.keep(begun);
        bell
    }

    /// The tenant has new events. If the file can't be written the next ring begins a new one, and readers look at
    /// everything. A few microseconds: one short write that is not synced.
    pub(super) fn ring(&self, tenant: TenantId) {
        let taken = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        let rung = match taken {
            Some((file, length)) if length < LONGEST_BYTES => append(file, length, tenant),
            _ => self.begin(),
        };
        self.keep(rung);
    }

    fn keep(&self, file: io::Result<(File, u64)>) {
        let kept = file.inspect_err(|error| {
            tracing::warn!(path = %self.path.display(), %error, "a bell can't be written: events reach other processes late");
        });
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = kept.ok();
    }

    fn begin(&self) -> io::Result<(File, u64)> {
        let beginning = format!("{:032x}\n", u128::from_be_bytes(self.rng.bytes()));
        files::replace(&self.path, beginning.as_bytes(), Visibility::Private)?;
        Ok((OpenOptions::new().append(true).open(&self.path)?, BEGINNING_BYTES))
    }
}

fn append(mut file: File, length: u64, tenant: TenantId) -> io::Result<(File, u64)> {
    let line = format!("{tenant}\n");
    file.write_all(line.as_bytes())?;
    Ok((file, length + line.len() as u64))
}

/// A reader's side: how far it has heard.
#[derive(Default)]
pub(super) struct Ear {
    beginning: Vec<u8>,
    heard_bytes: u64,
}

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// These tenants have news; perhaps none.
    Tenants(Vec<TenantId>),
    /// It is another file than the last time: any tenant may have news.
    Anything,
}

impl Ear {
    /// Listens to the bell of `service`, which may not exist yet.
    pub(super) fn listen(&mut self, state_dir: &Path, service: &str) -> io::Result<Heard> {
        let mut file = match File::open(path(state_dir, service)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Heard::Tenants(Vec::new())),
            file => file?,
        };
        let mut beginning = Vec::new();
        (&mut file).take(BEGINNING_BYTES).read_to_end(&mut beginning)?;
        if beginning != self.beginning {
            self.beginning = beginning;
            self.heard_bytes = BEGINNING_BYTES;
            return Ok(Heard::Anything);
        }
        file.seek(SeekFrom::Start(self.heard_bytes))?;
        let mut text = String::new();
        file.take(LONGEST_BYTES).read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1); // a line that is being written waits for the next look
        self.heard_bytes += whole as u64;
        let mut tenants: Vec<TenantId> = text[..whole].lines().filter_map(|line| line.parse().ok()).collect();
        tenants.sort_unstable();
        tenants.dedup();
        Ok(Heard::Tenants(tenants))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SystemRng;

    fn tenant(n: u8) -> TenantId {
        TenantId::from_bytes([n; 16])
    }

    #[test]
    fn a_ring_is_heard_once_by_every_reader() {
        let dir = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (Ear::default(), Ear::default());
        assert_eq!(one.listen(dir.path(), "upload").unwrap(), Heard::Tenants(vec![]), "nobody rings here yet");
        let bell = Bell::new(dir.path(), "upload", Arc::new(SystemRng));
        assert_eq!(one.listen(dir.path(), "upload").unwrap(), Heard::Anything);
        bell.ring(tenant(2));
        bell.ring(tenant(1));
        bell.ring(tenant(2));
        assert_eq!(one.listen(dir.path(), "upload").unwrap(), Heard::Tenants(vec![tenant(1), tenant(2)]));
        assert_eq!(one.listen(dir.path(), "upload").unwrap(), Heard::Tenants(vec![]));
        assert_eq!(other.listen(dir.path(), "upload").unwrap(), Heard::Anything);
    }

    #[test]
    fn after_a_restart_or_many_rings_everything_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let mut ear = Ear::default();
        drop(Bell::new(dir.path(), "upload", Arc::new(SystemRng)));
        ear.listen(dir.path(), "upload").unwrap();
        let bell = Bell::new(dir.path(), "upload", Arc::new(SystemRng));
        assert_eq!(ear.listen(dir.path(), "upload").unwrap(), Heard::Anything);
        for _ in 0..LONGEST_BYTES / 30 {
            bell.ring(tenant(1));
        }
        assert_eq!(ear.listen(dir.path(), "upload").unwrap(), Heard::Anything, "it was begun anew");
        assert!(std::fs::metadata(path(dir.path(), "upload")).unwrap().len() < LONGEST_BYTES);
    }
}
