//! Who owns what on a state directory. Each service's database files are written by one process alone, and several
//! processes do not make a first start at once; locks of the operating system see to it, which end with the process.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::files;

/// Locks that this process holds as long as it lives.
pub(super) struct Holds {
    _files: Vec<File>,
}

/// Takes the services' locks, or says who has to stop first.
pub(super) fn services(state_dir: &Path, services: &[&'static str]) -> Result<Holds> {
    let mut held = Vec::new();
    for service in services {
        let path = state_dir.join("locks").join(service);
        let lock = files::try_lock(&path).with_context(|| format!("can't lock {}", path.display()))?;
        let Some(lock) = lock else {
            bail!(
                "{service} runs on {} already, alone or in a siegel-server: stop it first, or use another state directory",
                state_dir.display()
            )
        };
        held.push(lock);
    }
    Ok(Holds { _files: held })
}

/// Waits until no other process opens this directory: one of them makes keys, databases, zones and the CA, and the others
/// find them.
pub(super) fn opening(state_dir: &Path) -> Result<File> {
    let path = state_dir.join("locks").join("opening");
    files::lock(&path).with_context(|| format!("can't lock {}", path.display()))
}
