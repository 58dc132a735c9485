//! `siegel agent`: started by `login`, hidden from help.

use std::path::PathBuf;
use std::time::Duration;

use crate::ctx::Ctx;
use crate::error::{Failure, Result};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    profile_dir: PathBuf,
    #[arg(long)]
    idle_seconds: u64,
}

impl Args {
    pub(crate) async fn run(self, _: &Ctx) -> Result<()> {
        crate::agent::serve(&self.profile_dir, Duration::from_secs(self.idle_seconds)).await.map_err(Failure::terminal)
    }
}
