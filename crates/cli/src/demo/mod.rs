//! `siegel demo`: to come.

use crate::ctx::Ctx;
use crate::error::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, _: &Ctx) -> Result<()> {
        Ok(())
    }
}
