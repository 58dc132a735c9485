//! The lives of six programs: started, asked to end, ended, started again.

use std::net::SocketAddr;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::{NAMES, Programs};

impl Programs {
    /// All at once, as after a boot of the machine.
    pub(crate) async fn start_all(&mut self) -> Result<()> {
        for name in NAMES {
            self.begin(name)?;
        }
        for name in NAMES {
            self.until_ready(name).await?;
        }
        Ok(())
    }

    /// SIGTERM.
    pub fn terminate(&self, name: &str) -> Result<()> {
        let child = self.running[name].child.as_ref().context("it does not run")?;
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        ensure!(asked.success(), "{name} could not be asked to end");
        Ok(())
    }

    /// `kill -9`.
    pub fn kill_nine(&mut self, name: &'static str) -> Result<()> {
        let child = self.running.get_mut(name).and_then(|running| running.child.take());
        let mut child = child.with_context(|| format!("{name} does not run"))?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// How it ended.
    pub async fn ended(&mut self, name: &'static str) -> Result<ExitStatus> {
        let mut child =
            self.running.get_mut(name).and_then(|running| running.child.take()).context("it does not run")?;
        for _ in 0..3_000 {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            a_moment().await;
        }
        child.kill()?;
        anyhow::bail!("{name} did not end within 30 s")
    }

    /// Starts a program again, on its own addresses.
    pub async fn start_again(&mut self, name: &'static str) -> Result<()> {
        self.begin(name)?;
        self.until_ready(name).await
    }

    /// Stops all and starts them again, on their own addresses.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.stop_all().await?;
        self.start_all().await
    }

    /// Fails if one does not end well.
    pub(crate) async fn stop_all(&mut self) -> Result<()> {
        let running: Vec<_> = NAMES.into_iter().filter(|name| self.running[name].child.is_some()).collect();
        for name in &running {
            self.terminate(name)?;
        }
        for name in running {
            let status = self.ended(name).await?;
            ensure!(status.success(), "{name} ended with {status}:\n{}", self.log(name));
        }
        Ok(())
    }

    /// Starts a program and does not wait for it.
    pub fn begin(&mut self, name: &'static str) -> Result<()> {
        let running = self.running.get(name).context("no such program")?;
        let addresses = [running.public, running.internal];
        let log_begins = std::fs::metadata(self.file(name, "log")).map_or(0, |log| log.len());
        let child = self.command(name, name, addresses)?.spawn().with_context(|| format!("start {name}"))?;
        let running = self.running.get_mut(name).context("no such program")?;
        (running.child, running.log_begins) = (Some(child), log_begins);
        Ok(())
    }

    /// How a program is started that keeps its state, log and ready file under the name `called`.
    pub(crate) fn command(&self, name: &str, called: &str, [public, internal]: [SocketAddr; 2]) -> Result<Command> {
        let ready = self.file(called, "ready");
        let _ = std::fs::remove_file(&ready);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.file(called, "log"))?;
        let binary = self.binaries.join(format!("siegel-{name}"));
        ensure!(binary.exists(), "{} is missing: cargo build --workspace --bins", binary.display());
        let mut command = Command::new(binary);
        command.arg("--config").arg(self.file(name, "toml")).arg("--state").arg(self.state_of(called));
        command.args(["--listen", &public.to_string(), "--internal-listen", &internal.to_string()]);
        command.arg("--ready-file").arg(ready).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(command)
    }

    /// Until a program that was begun answers.
    pub async fn until_ready(&mut self, name: &'static str) -> Result<()> {
        let ready = self.file(name, "ready");
        for _ in 0..6_000 {
            if ready.exists() {
                return Ok(());
            }
            let child = self.running.get_mut(name).and_then(|running| running.child.as_mut()).context("not started")?;
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("{name} ended with {status} instead of starting:\n{}", self.log(name));
            }
            a_moment().await;
        }
        anyhow::bail!("{name} was not ready within a minute:\n{}", self.log(name))
    }

    /// Until a program has written such a line to its log since it was last begun.
    pub async fn says(&self, name: &str, words: &str) -> Result<()> {
        let begins = usize::try_from(self.running[name].log_begins)?;
        for _ in 0..3_000 {
            if self.log(name).get(begins..).is_some_and(|log| log.contains(words)) {
                return Ok(());
            }
            a_moment().await;
        }
        anyhow::bail!("{name} did not say {words:?} within 30 s:\n{}", self.log(name))
    }
}

/// Between two looks at a process.
async fn a_moment() {
    crate::moment(Duration::from_millis(10)).await;
}
