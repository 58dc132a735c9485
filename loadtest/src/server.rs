//! The real server as a process, found beside this program, on a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use siegel_client::time::Moment;

/// A server that runs; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// From starting the process to its first answer being possible.
    pub ready_s: f64,
}

impl Server {
    /// Starts the server on `state` and waits for its ready file.
    pub(crate) fn start(state: &Path) -> Result<Self> {
        let ready = state.with_extension("ready");
        let _ = std::fs::remove_file(&ready);
        let start = Moment::now();
        let child = Command::new(program()?)
            .arg("--state")
            .arg(state)
            .args(["--listen", "127.0.0.1:0", "--log", "warn", "--ready-file"])
            .arg(&ready)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start siegel-server")?;
        let mut server = Self { child, ready_s: 0.0 };
        while !ready.exists() {
            ensure!(server.child.try_wait()?.is_none(), "siegel-server ended instead of starting");
            ensure!(start.elapsed() < Duration::from_secs(30), "siegel-server was not ready within 30 s");
            std::hint::spin_loop();
        }
        server.ready_s = start.elapsed().as_secs_f64();
        Ok(server)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program lies somewhere")?.join("siegel-server");
    ensure!(beside.is_file(), "build it first: cargo build --release -p siegel-server");
    Ok(beside)
}
