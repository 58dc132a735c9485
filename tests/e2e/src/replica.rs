//! A second process of one program, as an installation has replicas: the same configuration, addresses and a state directory
//! of its own. The front leads nobody to it; it shares the work that comes from Kafka and from databases.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use siegel_platform::host::PartsChoice;

use crate::Programs;
use crate::ports::free_addresses;

/// A replica that runs. Killed when dropped.
pub struct Replica {
    called: String,
    public: SocketAddr,
    child: Option<Child>,
    log: PathBuf,
}

impl Programs {
    /// Starts a replica of a program and waits until it is ready.
    pub async fn replica(&self, name: &'static str) -> Result<Replica> {
        ensure!(matches!(self.parts(), PartsChoice::File(_)), "embedded parts take one process of a service");
        let [public, internal] = free_addresses::<2>()?;
        let called = format!("{name}-{}", public.port());
        let child = self.command(name, &called, [public, internal])?.spawn().with_context(|| format!("start {called}"));
        let (log, ready) = (self.file(&called, "log"), self.file(&called, "ready"));
        let mut replica = Replica { called, public, child: Some(child?), log };
        for _ in 0..6_000 {
            if ready.exists() {
                return Ok(replica);
            }
            if let Some(status) = replica.child()?.try_wait()? {
                anyhow::bail!("{} ended with {status} instead of starting:\n{}", replica.called, replica.said());
            }
            crate::moment(Duration::from_millis(10)).await;
        }
        anyhow::bail!("{} was not ready within a minute:\n{}", replica.called, replica.said())
    }
}

impl Replica {
    /// A number of it: the sum over everything that begins with `series`.
    pub async fn number(&self, series: &str) -> Result<f64> {
        let url = format!("https://localhost:{}", self.public.port());
        crate::metrics::sum(&url, |line| line.starts_with(series)).await
    }

    /// `kill -9`.
    pub fn kill_nine(mut self) -> Result<()> {
        self.no_panics()?;
        let child = self.child()?;
        child.kill()?;
        child.wait()?;
        self.child = None;
        Ok(())
    }

    /// SIGTERM, and until it has ended.
    pub async fn stop(mut self) -> Result<()> {
        let pid = self.child()?.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "{} can't be asked", self.called);
        for _ in 0..3_000 {
            if let Some(status) = self.child()?.try_wait()? {
                self.child = None;
                ensure!(status.success(), "{} ended with {status}:\n{}", self.called, self.said());
                return self.no_panics();
            }
            crate::moment(Duration::from_millis(10)).await;
        }
        anyhow::bail!("{} did not end within 30 s:\n{}", self.called, self.said())
    }

    fn child(&mut self) -> Result<&mut Child> {
        self.child.as_mut().context("it does not run")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn no_panics(&self) -> Result<()> {
        ensure!(!self.said().contains("panicked"), "a task panicked in {}:\n{}", self.called, self.said());
        Ok(())
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
