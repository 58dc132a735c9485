//! The program `siegel-server`: reads what it is told, runs the platform until it is stopped.

use std::io;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use siegel_platform::clock::SystemClock;
use siegel_platform::config::{self, ConfigErrors};
use siegel_platform::host::Given;
use siegel_platform::program::run_to_end;
use siegel_platform::telemetry::Telemetry;
use siegel_platform::wait;

use crate::cli::{Args, Command};
use crate::{Platform, ServerConfig, banner};

/// What `main` does; here, so that tests can start the same program.
pub fn run_program() -> Result<()> {
    run_to_end(program()).context("start")?
}

async fn program() -> Result<()> {
    let args = Args::parse();
    let config = args.apply(load(&args)?);
    let mistakes = config.mistakes();
    if !mistakes.is_empty() {
        return Err(ConfigErrors { file: args.config.clone(), mistakes }.into());
    }
    match args.command {
        Some(Command::Openapi) => print_openapi(config).await,
        Some(Command::Asyncapi) => print(&crate::asyncapi::asyncapi()),
        None => run(config, &args).await,
    }
}

/// The file alone; whether it holds together is asked when the flags are in.
fn load(args: &Args) -> Result<ServerConfig> {
    Ok(config::load(args.config.as_deref(), &[], |_| None, |_| Vec::new())?.config)
}

async fn run(config: ServerConfig, args: &Args) -> Result<()> {
    let telemetry = Telemetry::start(&config.telemetry, "siegel-server")?;
    let open = async || Platform::open(config.clone(), Given::default()).await;
    let platform = wait::until_open(&SystemClock::new(), open).await?;
    platform.spawn_workers();
    platform.process().stop_on_signal();
    platform.process().announce()?;
    banner::print(&mut io::stdout().lock(), &config, &platform).context("write to stdout")?;
    if let Some(path) = &args.ready_file {
        platform.process().write_ready_file(path)?;
    }
    platform.serve().await;
    telemetry.shutdown();
    Ok(())
}

/// The document of a platform that is never served, on a directory that is thrown away.
async fn print_openapi(config: ServerConfig) -> Result<()> {
    let dir = tempfile::tempdir().context("a temporary directory")?;
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let config = ServerConfig { state_dir: dir.path().join("state"), key_file: None, listen, ..config };
    let platform = Platform::open(config, Given::default()).await?;
    print(&platform.openapi())
}

fn print(document: &impl serde::Serialize) -> Result<()> {
    let mut document = serde_json::to_string_pretty(document)?;
    document.push('\n');
    io::Write::write_all(&mut io::stdout().lock(), document.as_bytes()).context("write to stdout")
}
