//! `siegel`: the client for people and scripts. It reads arguments, asks the SDK (`siegel-client`) and shows the answer;
//! a command is a file in `cmd/`, its texts are in `locales/`. No server code is in this program.

mod agent;
mod args;
mod cmd;
mod config;
mod ctx;
mod demo;
mod error;
mod help;
mod names;
mod os;
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::args::Cli;
use crate::config::Config;
use crate::ctx::Ctx;
use crate::os::Paths;
use crate::ui::{Lang, Ui};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let paths = Paths::from_env();
    let config = paths.as_ref().ok().map(Config::load);
    let configured = config.as_ref().and_then(|config| config.as_ref().ok()).and_then(|config| config.lang.as_deref());
    let lang = Lang::choose(&arguments, configured.and_then(Lang::parse));

    let command = help::localise(Cli::command(), lang);
    let cli = match command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        // Help and version are no failures; clap knows which is which.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(error::Exit::Usage as u8) } else { ExitCode::SUCCESS };
        }
    };
    let ui = Ui::new(lang, cli.json, cli.quiet);
    let outcome = paths.and_then(|paths| {
        let config = config.unwrap_or_else(|| Config::load(&paths))?;
        run(Ctx::new(ui.clone(), paths, config, cli.profile)?, cli.command)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.show(&ui),
    }
}

fn run(ctx: Ctx, command: args::Command) -> error::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Sealing and file reads; more would only hold memory.
        .max_blocking_threads(4)
        .build()
        .map_err(error::Failure::terminal)?;
    let outcome = runtime.block_on(Box::pin(command.run(&ctx)));
    // A read of standard input can't be cancelled; nobody waits for it.
    runtime.shutdown_background();
    outcome
}
