//! The directory where started parts keep their state, their logs, their credentials and the records of their processes.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

use super::process::Process;
use crate::machine;

/// The file that says that a directory is ours, and is locked while somebody works on it.
const MARK: &str = "siegel-parts.lock";

/// Everything that `up` started from one directory.
pub(crate) struct Site {
    directory: PathBuf,
    secrets: Mutex<BTreeMap<String, String>>,
    /// Held while `up` or `down` works, so that two of them take turns.
    _lock: Option<File>,
}

impl Site {
    /// The site in the usual directory, for looking only.
    pub(crate) fn open() -> Result<Self> {
        Self::open_at(directory()?)
    }

    fn open_at(directory: PathBuf) -> Result<Self> {
        let secrets = match fs::read(directory.join("secrets.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).context("read secrets.json")?,
            Err(_) => BTreeMap::new(),
        };
        Ok(Self { directory, secrets: Mutex::new(secrets), _lock: None })
    }

    /// The same, made if it is not there, and locked against another `up` or `down`.
    pub(crate) fn own() -> Result<Self> {
        Self::own_at(directory()?)
    }

    pub(super) fn own_at(directory: PathBuf) -> Result<Self> {
        claim(&directory)?;
        // Others may pass through, since PostgreSQL does not run as root, and may not look around.
        fs::set_permissions(&directory, Permissions::from_mode(0o711))?;
        let lock = File::create(directory.join(MARK))?;
        lock.lock().context("wait for another cargo xtask up or down")?;
        for below in ["run", "log", "tls"] {
            private_directory(&directory.join(below))?;
        }
        Ok(Self { _lock: Some(lock), ..Self::open_at(directory)? })
    }

    /// A path below the directory.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.join(below)
    }

    /// The directory itself.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A directory of ours alone below it, made if it is not there.
    pub(crate) fn room(&self, below: &str) -> Result<PathBuf> {
        let path = self.path(below);
        private_directory(&path)?;
        Ok(path)
    }

    /// The CA's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.crt")
    }

    pub(crate) fn process(&self, name: &str) -> Process {
        Process::new(&self.path("run"), &self.path("log"), name)
    }

    /// A secret by its name; drawn when it is asked for the first time, and kept.
    pub(crate) fn secret(&self, name: &str) -> Result<String> {
        if let Some(known) = self.known_secret(name) {
            return Ok(known);
        }
        let mut random = [0; 24];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let drawn: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.keep_secret(name, &drawn)?;
        Ok(drawn)
    }

    /// A secret that was kept.
    pub(crate) fn known_secret(&self, name: &str) -> Option<String> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Keeps a secret that another has drawn.
    pub(crate) fn keep_secret(&self, name: &str, secret: &str) -> Result<()> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(name.to_owned(), secret.to_owned());
        write_private(&self.path("secrets.json"), &serde_json::to_vec_pretty(&*secrets)?)
    }

    /// Forgets the state of everything, and the directory itself.
    pub(crate) fn wipe(self) -> Result<()> {
        for directory in [self.postgres(), self.directory.clone()] {
            match fs::remove_dir_all(&directory) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("remove {}", directory.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where PostgreSQL keeps its data. It refuses to run as root, and its user can't enter root's own directories.
    pub(crate) fn postgres(&self) -> PathBuf {
        let below = self.directory.to_string_lossy().replace('/', "-");
        passable(self.path("postgres"), || format!("/var/lib/siegel/parts{below}").into())
    }
}

/// `path`, if other users can reach it or need not; otherwise what `outside` says.
pub(crate) fn passable(path: PathBuf, outside: impl Fn() -> PathBuf) -> PathBuf {
    let open = |directory: &Path| match fs::metadata(directory) {
        Ok(found) => found.permissions().mode() & 0o001 != 0,
        Err(_) => true,
    };
    if !is_root() || path.ancestors().skip(1).all(open) { path } else { outside() }
}

/// Whether we are root, which PostgreSQL must not be.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|us| std::os::unix::fs::MetadataExt::uid(&us) == 0)
}

/// User and group that PostgreSQL runs as: nothing to say if we are not root.
pub(crate) fn postgres_user() -> Result<Option<(u32, u32)>> {
    if !is_root() {
        return Ok(None);
    }
    let id = |flag| machine::says(Command::new("id").args([flag, "postgres"])).and_then(|id| id.parse().ok());
    let ids = id("-u").zip(id("-g"));
    ids.map(Some).ok_or_else(|| anyhow!("there is no user postgres, whom PostgreSQL runs as: root it refuses to be"))
}

/// A directory that only its owner enters; `owner` if it is to be another than we.
pub(crate) fn directory_of(path: &Path, owner: Option<(u32, u32)>) -> Result<()> {
    private_directory(path)?;
    give(path, owner)
}

/// A file that only its owner reads.
pub(crate) fn file_of(path: &Path, text: &[u8], owner: Option<(u32, u32)>) -> Result<()> {
    write_private(path, text)?;
    give(path, owner)
}

/// Written whole or not at all, and readable by us only.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let fresh = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        fs::write(&fresh, "")?;
        fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
        fs::write(&fresh, bytes)?;
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("write {}", path.display()))
}

fn private_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("create {}", path.display()))?;
    fs::set_permissions(path, Permissions::from_mode(0o700)).with_context(|| format!("close {}", path.display()))
}

fn give(path: &Path, owner: Option<(u32, u32)>) -> Result<()> {
    let Some((user, group)) = owner else { return Ok(()) };
    chown(path, Some(user), Some(group)).with_context(|| format!("give {} to PostgreSQL's user", path.display()))
}

/// Makes the directory ours if it is new or empty. Another one's is refused: `down --wipe` takes away everything in it.
fn claim(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    if directory.join(MARK).is_file() || fs::read_dir(directory)?.next().is_none() {
        return Ok(());
    }
    bail!("{} holds something else than parts: give SIEGEL_PARTS_DIR a directory of its own", directory.display())
}

/// As `siegel_platform::parts::directory` has it: both must find the same file.
fn directory() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("SIEGEL_PARTS_DIR") {
        return std::path::absolute(directory).context("read SIEGEL_PARTS_DIR");
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let base = state.or(home).context("neither SIEGEL_PARTS_DIR nor HOME is set: no place for the parts")?;
    Ok(base.join("siegel").join("parts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_something_else_in_it_is_not_taken() {
        let directory = std::env::temp_dir().join(format!("siegel-site-{}", std::process::id()));
        claim(&directory).unwrap();
        fs::write(directory.join("thesis.txt"), "years of work").unwrap();
        assert!(claim(&directory).is_err());
        fs::write(directory.join(MARK), "").unwrap();
        claim(&directory).unwrap();
        fs::remove_dir_all(directory).unwrap();
    }
}
