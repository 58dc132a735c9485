//! The platform as a child process: started on a directory of its own and a port that the system chooses, stopped at the
//! end as an administrator would stop it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use siegel_client::time::{Moment, sleep};
use tokio::process::{Child, Command};

use super::binaries::Binaries;
use crate::error::{Exit, Failure, Result};
use crate::os;

/// A cold start on a slow disk takes seconds.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// A running platform.
pub(super) struct Server {
    child: Child,
    admin: PathBuf,
    state: PathBuf,
    log: PathBuf,
    pub(super) url: String,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
}

#[derive(Deserialize)]
struct Added {
    code: zeroize::Zeroizing<String>,
}

impl Server {
    /// Starts `siegel-server` on `state`; its output goes to `log`, which is searched at the end like everything else.
    pub(super) async fn start(binaries: &Binaries, state: &Path, log: &Path) -> Result<Self> {
        let ready_file = log.with_extension("ready");
        let output = File::create(log).map_err(Failure::file(log))?;
        let errors = output.try_clone().map_err(Failure::file(log))?;
        let child = Command::new(&binaries.server)
            .arg("--state")
            .arg(state)
            .args(["--listen", "127.0.0.1:0", "--json-logs", "--log", "info"])
            .arg("--ready-file")
            .arg(&ready_file)
            .env_remove("SIEGEL_LOG")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::file(&binaries.server))?;
        let mut server = Self {
            child,
            admin: binaries.admin.clone(),
            state: state.to_owned(),
            log: log.to_owned(),
            url: String::new(),
        };
        server.url = server.await_ready(&ready_file).await?;
        Ok(server)
    }

    async fn await_ready(&mut self, ready_file: &Path) -> Result<String> {
        let since = Moment::now();
        loop {
            if let Ok(text) = std::fs::read(ready_file)
                && let Ok(ready) = serde_json::from_slice::<Ready>(&text)
            {
                return Ok(ready.url);
            }
            let ended = self.child.try_wait().map_err(Failure::terminal)?.is_some();
            if ended || since.elapsed() > START {
                return Err(self.failed());
            }
            sleep(POLL).await;
        }
    }

    /// With the last words of its log, since nobody else will look there.
    fn failed(&self) -> Failure {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n");
        Failure::own(Exit::Unexpected, "demo-server-failed").with("log", self.log.display()).with("last", last)
    }

    /// The provider lets a dealer in: a one-time code.
    pub(super) async fn add_dealer(&self, name: &str) -> Result<zeroize::Zeroizing<String>> {
        let output = Command::new(&self.admin)
            .arg("--state")
            .arg(&self.state)
            .args(["--json", "dealer", "add", name])
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(Failure::file(&self.admin))?;
        let added = serde_json::from_slice::<Added>(&output.stdout).ok().filter(|_| output.status.success());
        added.map(|added| added.code).ok_or_else(|| {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            Failure::own(Exit::Unexpected, "demo-admin-failed").with("why", words.trim())
        })
    }

    /// Asks it to stop, and waits until it has; then nothing is held back in memory.
    pub(super) async fn stop(&mut self) -> Result<()> {
        let Some(id) = self.child.id() else { return Ok(()) };
        let asked = os::ask_to_stop(id);
        let stopped = tokio::select! {
            status = self.child.wait() => status.is_ok(),
            () = sleep(STOP) => false,
        };
        if asked && stopped {
            return Ok(());
        }
        self.child.kill().await.map_err(Failure::terminal)?;
        Err(Failure::own(Exit::Unexpected, "demo-server-hangs"))
    }
}
