//! The real server as a process, found beside this program, on a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use siegel_client::time::Moment;

/// How the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// HTTPS, as users have it.
    Tls,
    /// Plain HTTP on loopback, to see what TLS costs.
    Plain,
}

/// A server that runs; killed when dropped.
pub(crate) struct Server {
    child: Running,
    /// From starting the process to its first answer being possible.
    pub ready_s: f64,
}

impl Server {
    /// Starts the server on `state` and waits for its ready file.
    pub(crate) fn start(state: &Path, transport: Transport) -> Result<Self> {
        Self::start_on(state, transport, None)
    }

    /// The same on the parts of a file, if there is one.
    pub(crate) fn start_on(state: &Path, transport: Transport, parts: Option<&Path>) -> Result<Self> {
        let ready = state.with_extension("ready");
        let _ = std::fs::remove_file(&ready);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(state.with_extension("log"))?;
        let mut command = Command::new(program("siegel-server")?);
        command
            .arg("--state")
            .arg(state)
            .args(["--listen", "127.0.0.1:0", "--log", "warn", "--ready-file"])
            .arg(&ready);
        if transport == Transport::Plain {
            command.arg("--plain-http");
        }
        if let Some(parts) = parts {
            command.arg("--parts").arg(parts);
        }
        let start = Moment::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().context("start a server")?;
        let mut server = Self { child: Running(child), ready_s: 0.0 };
        while !ready.exists() {
            ensure!(server.child.0.try_wait()?.is_none(), "siegel-server ended instead of starting");
            ensure!(start.elapsed() < Duration::from_secs(30), "siegel-server was not ready within 30 s");
            std::thread::yield_now(); // its readiness is to be seen within microseconds
        }
        server.ready_s = start.elapsed().as_secs_f64();
        Ok(server)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }
}

/// A process that ends with whoever holds it.
pub(crate) struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of ours that was built with this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program lies somewhere")?.join(name);
    ensure!(beside.is_file(), "{name} is not built: run `cargo xtask bench`, which builds everything in one selection");
    Ok(beside)
}
