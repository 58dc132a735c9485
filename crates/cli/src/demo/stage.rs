//! The stage: a directory with a place for each of those who take part, so that it can be seen who holds what.
//!
//! ```text
//! platform/     the state directory of siegel-server: databases, zones, keys, certificate
//! platform.log  what it logged
//! dealer/ centre/ practice/ stranger/     a profile each, and their files
//! ```

use std::path::{Path, PathBuf};

use siegel_client::os::private_dir;
use siegel_client::profile::ProfileDir;

use crate::error::{Failure, Result};

/// Where everything lies.
pub(super) struct Stage {
    root: PathBuf,
    /// Removed when dropped, unless it was asked to be kept.
    _temporary: Option<tempfile::TempDir>,
}

impl Stage {
    pub(super) fn new(keep: bool) -> Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix("siegel-demo-")
            .tempdir()
            .map_err(|error| Failure::file(&std::env::temp_dir())(error))?;
        let root = temporary.path().to_owned();
        let temporary = if keep {
            let _ = temporary.keep();
            None
        } else {
            Some(temporary)
        };
        for name in ["platform", "practice", "centre", "dealer", "stranger"] {
            let dir = root.join(name);
            private_dir(&dir).map_err(Failure::file(&dir))?;
        }
        Ok(Self { root, _temporary: temporary })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn platform(&self) -> PathBuf {
        self.root.join("platform")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("platform.log")
    }

    /// Someone's directory.
    pub(super) fn of(&self, who: &str) -> PathBuf {
        self.root.join(who)
    }

    /// Someone's profile.
    pub(super) fn profile(&self, who: &str) -> ProfileDir {
        ProfileDir::at(self.of(who).join("profile"))
    }
}
