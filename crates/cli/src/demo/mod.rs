//! `siegel demo`: the whole of it once, on this machine, over HTTPS, with files. A dealer sets up a centre, the centre a
//! sender; a recording goes there and a report comes back; someone else can't open it; it is erased; and everything that
//! lay at the platform is searched for what must not be there.
//!
//! `story.rs` is the order of events; each act is a file; `stage.rs` starts and stops the platform.

mod acts;
mod binaries;
mod canary;
mod recording;
mod search;
mod server;
mod stage;
mod story;
mod tell;

use std::path::PathBuf;

use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    #[arg(long)]
    keep: bool,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        if let Some(file) = &self.file {
            let metadata = std::fs::metadata(file).map_err(Failure::file(file))?;
            if !metadata.is_file() {
                return Err(Failure::own(Exit::Usage, "put-directory").with("path", file.display()));
            }
        }
        story::play(&ctx.ui, self.file.as_deref(), self.keep).await
    }
}
