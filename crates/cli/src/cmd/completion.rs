//! `siegel completion`: a script for the shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::ctx::Ctx;
use crate::error::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        let mut command = crate::help::localise(Cli::command(), ctx.ui.lang);
        clap_complete::generate(self.shell, &mut command, "siegel", &mut std::io::stdout().lock());
        Ok(())
    }
}
