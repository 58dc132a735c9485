//! A state directory in which a server has started once.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use siegel_admin::args::Args;
use siegel_admin::place::Place;
use siegel_platform::host::Given;
use siegel_platform::testing;
use siegel_server::{Platform, ServerConfig};
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) dir: TempDir,
}

impl World {
    pub(crate) async fn started() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        let config = ServerConfig {
            state_dir: world.state(),
            key_file: Some(world.key()),
            listen: ([127, 0, 0, 1], 0).into(),
            ..ServerConfig::default()
        };
        let platform = Platform::open(config, Given::default()).await.unwrap();
        testing::tenant(platform.ctx(), 1).await;
        let tenant = siegel_domain::TenantId::from_bytes([1; 16]);
        platform.ctx().log.read("upload", tenant, 0, 1).await.unwrap();
        platform.ctx().log.read("retention", tenant, 0, 1).await.unwrap();
        world
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("siegel.key")
    }

    pub(crate) fn args(&self, words: &[&str]) -> Args {
        let (state, key) = (self.state(), self.key());
        let place = ["siegel-admin", "--state", state.to_str().unwrap(), "--key-file", key.to_str().unwrap()];
        Args::try_parse_from(place.iter().chain(words)).unwrap()
    }

    pub(crate) fn place(&self) -> Place {
        Place::find(&self.args(&["doctor"])).unwrap()
    }

    /// What the command writes to standard output, and whether it says that all is well.
    pub(crate) async fn run(&self, words: &[&str]) -> anyhow::Result<(String, bool)> {
        let args = self.args(words);
        let mut out = Vec::new();
        let code = siegel_admin::run_to(&mut out, &args).await?;
        Ok((String::from_utf8(out).unwrap(), code == ExitCode::SUCCESS))
    }
}
