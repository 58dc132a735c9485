//! The provider's tool. It works on the databases of an installation while that runs, in the state directory or on the parts that
//! a file names, never through the public API; and it can open nothing that a device has sealed.
//!
//! ```text
//! args ─► place (where everything lies) ─► cmd/{dealer, clock, config, dlq, rotate} or doctor ─► out (table, JSON, exit code)
//! ```
//!
//! A new command is a variant in [`args`] and a file in `cmd`; a new check of `doctor` is a function that returns
//! [`doctor::Finding`]s and a line in [`doctor::run`].

pub mod args;
pub mod cmd;
pub mod doctor;
pub mod place;
mod words;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};
use crate::place::Place;

/// What `main` does.
pub fn run_program() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("start")),
    };
    match runtime.block_on(run(&args)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("siegel-admin: {error:#}");
    ExitCode::FAILURE
}

/// Does what was asked for. The exit code is 0 if all is well, 1 if something is not; clap's 2 means a wrong call.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    run_to(&mut std::io::stdout().lock(), args).await
}

/// The same, saying what it says to `out`.
pub async fn run_to(out: &mut impl std::io::Write, args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Config { command } => cmd::config::run(out, args, command),
        Command::Dealer { command } => cmd::dealer::run(out, args, &Place::find(args)?, command).await,
        Command::Certificate { command } => cmd::certificate::run(out, args, &Place::find(args)?, command).await,
        Command::Clock { command } => cmd::clock::run(out, args, &Place::find(args)?, command).await,
        Command::Dlq { command } => cmd::dlq::run(out, args, &Place::find(args)?, command).await,
        Command::Rotate { command } => cmd::rotate::run(out, args, &Place::find(args)?, command).await,
        Command::Doctor { full } => doctor::run(out, args, &Place::find(args)?, *full).await,
    }
}
