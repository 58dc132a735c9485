//! A program that runs one service: what its `main` calls. It reads one TOML file, variables and flags, opens its part of
//! the platform, starts the service, says where it answers, and ends gracefully at SIGTERM.
//!
//! ```text
//! main ─► run ─► cli + config (all mistakes at once) ─► host::Process ─► Program::start ─► ready ─► serve ─► drained
//! ```
//!
//! `siegel-server` hosts the same services with the same [`Program::start`] in one process. A new service is a
//! [`Program`], a name in [`SERVICES`] and a line in `crates/server`.

mod cli;
mod config;
mod runtime;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;

use crate::clock::SystemClock;
use crate::config::{ConfigErrors, Mistake};
use crate::host::{Given, Host, Process, Service};
use crate::peer::{Callers, SERVICES};
use crate::telemetry::Telemetry;
use crate::wait;

use cli::{Call, ConfigCall, Todo};
pub use config::ProgramConfig;
#[cfg(feature = "testing")]
pub(crate) use config::default_text;
pub use runtime::run_to_end;

/// Where the first of [`SERVICES`] answers unless it is told otherwise, in public and to the other services; each next one
/// a port higher. On one machine, with one state directory, they find each other without a line of configuration.
const FIRST_PORTS: (u16, u16) = (8451, 9451);
/// The address of all of them together, unless it is told otherwise: a front on this machine.
pub const PUBLIC_URL: &str = "https://localhost:8443";

/// A service as a program, and as a part of `siegel-server`.
pub struct Program<S> {
    /// Its name, `siegel-<service>`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// The paths that a front leads here; none if it has no public routes but health and metrics.
    pub routes: &'static [&'static str],
    /// Which services may call which of its methods.
    pub callers: Callers,
    /// The section `[service]` with every setting at its default and what it means.
    pub settings: &'static str,
    /// Settings that can't hold together; fields as in its own section.
    pub check: fn(&S) -> Vec<Mistake>,
    /// Starts it. A future, since its keys may lie elsewhere.
    pub start: fn(&Host, S) -> BoxFuture<'_, Result<Service>>,
}

impl<S> Program<S> {
    /// The service's name, in certificates, locks and configuration.
    pub fn service(&self) -> &'static str {
        self.name.strip_prefix("siegel-").unwrap_or(self.name)
    }
}

/// The ports of a service, in public and inside. A service that is not on the list lets the system choose.
fn ports(service: &str) -> (u16, u16) {
    let place = SERVICES.iter().position(|known| *known == service);
    place.map_or((0, 0), |place| (FIRST_PORTS.0 + place as u16, FIRST_PORTS.1 + place as u16))
}

/// What `main` does.
pub fn run<S: DeserializeOwned + Default + Clone>(program: Program<S>) -> ExitCode {
    match run_to_end(call(&program)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => fail(program.name, &error),
        Err(error) => fail(program.name, &anyhow::Error::new(error).context("start")),
    }
}

fn fail(name: &str, error: &anyhow::Error) -> ExitCode {
    eprintln!("{name}: {error:#}");
    ExitCode::FAILURE
}

async fn call<S: DeserializeOwned + Default + Clone>(program: &Program<S>) -> Result<ExitCode> {
    let call = Call::parse(program);
    match &call.todo {
        Todo::Run => serve(program, &call).await.map(|()| ExitCode::SUCCESS),
        Todo::Openapi => openapi(program, &call).await.map(|()| ExitCode::SUCCESS),
        Todo::Config(ConfigCall::Default) => {
            io::stdout().write_all(config::default_text(program).as_bytes()).context("write to stdout")?;
            Ok(ExitCode::SUCCESS)
        }
        Todo::Config(ConfigCall::Check(file)) => check(program, file),
    }
}

fn check<S: DeserializeOwned + Default>(program: &Program<S>, file: &Path) -> Result<ExitCode> {
    let checked: Result<_, ConfigErrors> = config::load(program, Some(file), |_| None);
    let (text, code) = match checked {
        Ok(_) => (format!("{} is fine.", file.display()), ExitCode::SUCCESS),
        Err(errors) => {
            let more = format!("`{} config default` prints every setting there is.", program.name);
            (format!("{errors}\n{more}"), ExitCode::FAILURE)
        }
    };
    writeln!(io::stdout(), "{text}").context("write to stdout")?;
    Ok(code)
}

async fn serve<S: DeserializeOwned + Default + Clone>(program: &Program<S>, call: &Call) -> Result<()> {
    let loaded = config::load(program, call.config.as_deref(), |name| call.said(name))?;
    let config = loaded.config;
    let telemetry = Telemetry::start(&config.telemetry, program.name)?;
    for (field, value, by) in &loaded.decided {
        tracing::info!(field, value, by, "decided");
    }
    let host = config.host(program);
    let clock = SystemClock::new();
    let process = wait::until_open(&clock, async || {
        let mut process = Process::open(&host, Given::default()).await?;
        process.start(program, config.service.clone()).await?;
        Ok(process)
    });
    let process = process.await?;
    process.spawn_workers();
    process.stop_on_signal();
    process.announce()?;
    greet(program, &process)?;
    if let Some(file) = &call.ready_file {
        process.write_ready_file(file)?;
    }
    process.serve(|routes, _| routes).await;
    telemetry.shutdown();
    Ok(())
}

/// The first lines: where it is, for whoever started it.
fn greet<S>(program: &Program<S>, process: &Process) -> Result<()> {
    let mut out = io::stdout().lock();
    let mut say = |line: String| writeln!(out, "{line}").context("write to stdout");
    say(format!("{} {} is a part of {}", program.name, env!("CARGO_PKG_VERSION"), process.host().ctx.public_url))?;
    let leads = if program.routes.is_empty() { "health and metrics".to_owned() } else { program.routes.join(" ") };
    say(format!("  in public    {}   {leads}", process.address()))?;
    if let Some(address) = process.internal_address() {
        say(format!("  inside       {address}   for {}", program.callers))?;
    }
    say(format!("  on           {}", process.host().ctx.state_dir.display()))
}

/// The document of a service that is never served, on a directory that is thrown away.
async fn openapi<S: DeserializeOwned + Default>(program: &Program<S>, call: &Call) -> Result<()> {
    let config = config::load(program, call.config.as_deref(), |name| call.said(name))?.config;
    let dir = tempfile::tempdir().context("a temporary directory")?;
    let mut host = config.host(program);
    host.state_dir = dir.path().join("state");
    host.key_file = host.state_dir.join("secrets.key");
    host.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    if let Some(inside) = &mut host.inside {
        inside.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    }
    let mut process = Process::open(&host, Given::default()).await?;
    process.start(program, config.service).await?;
    let document = serde_json::to_string_pretty(&process.openapi())?;
    writeln!(io::stdout(), "{document}").context("write to stdout")
}
