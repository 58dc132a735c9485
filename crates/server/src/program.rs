//! The program `siegel-server`: reads what it is told, runs the platform until it is stopped.

use std::io;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use siegel_platform::tasks::Shutdown;
use siegel_platform::telemetry::Telemetry;

use crate::cli::{Args, Command};
use crate::parts::Given;
use crate::{Platform, ServerConfig, banner};

/// What `main` does; here, so that tests can start the same program.
#[tokio::main]
pub async fn run_program() -> Result<()> {
    let args = Args::parse();
    let config = args.apply(load(&args)?);
    let problems = config.problems();
    anyhow::ensure!(problems.is_empty(), "the configuration can't be used:\n  {}", problems.join("\n  "));
    match args.command {
        Some(Command::Openapi) => print_openapi(config).await,
        None => run(config, &args).await,
    }
}

fn load(args: &Args) -> Result<ServerConfig> {
    let Some(path) = &args.config else { return Ok(ServerConfig::default()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} (try `siegel-admin config check`)", path.display()))
}

async fn run(config: ServerConfig, args: &Args) -> Result<()> {
    let telemetry = Telemetry::start(&config.telemetry, "siegel-server")?;
    let platform = Platform::open(config.clone(), Given::default()).await?;
    platform.spawn_workers();
    // Where it answers, for `siegel-admin dealer add` beside it.
    banner::write_ready_file(&config.state_dir.join("server.json"), &platform)?;
    banner::print(&mut io::stdout().lock(), &config, &platform).context("write to stdout")?;
    if let Some(path) = &args.ready_file {
        banner::write_ready_file(path, &platform)?;
    }
    let shutdown = platform.ctx().shutdown.clone();
    platform.ctx().tasks.spawn("server.signal", async move {
        if Shutdown::signal().await.is_ok() {
            shutdown.begin();
        }
    });
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
    let mut document = serde_json::to_string_pretty(&platform.openapi())?;
    document.push('\n');
    io::Write::write_all(&mut io::stdout().lock(), document.as_bytes()).context("write to stdout")
}
