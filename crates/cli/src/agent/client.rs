//! How a command finds, asks and starts the agent of its profile.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use siegel_client::profile::ProfileDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use zeroize::Zeroizing;

use super::protocol::{Cookie, Op, READY, ask, cookie_file, reply};
use crate::error::{Exit, Failure, Result};
use crate::os::{self, Address};

/// The agent of a profile, running or not.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    profile: PathBuf,
    address: Address,
}

impl Agent {
    /// The agent of that profile.
    pub(crate) fn of(profile: &ProfileDir) -> Self {
        Self { profile: profile.path().to_owned(), address: Address::of(profile.path()) }
    }

    /// The keys it holds; `None` if none runs.
    pub(crate) async fn get(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.exchange(Op::Get, &[]).await.ok().flatten()
    }

    /// Hands it newer keys. If it went away meanwhile, there is nobody to tell.
    pub(crate) async fn put(&self, keys: &[u8]) {
        let _ = self.exchange(Op::Put, keys).await;
    }

    /// Ends it. Answers whether one ran.
    pub(crate) async fn end(&self) -> bool {
        matches!(self.exchange(Op::End, &[]).await, Ok(Some(_)))
    }

    async fn exchange(&self, op: Op, payload: &[u8]) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let cookie: Cookie = std::fs::read(cookie_file(&self.profile))?
            .try_into()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let mut stream = os::connect(&self.address).await?;
        ask(&mut stream, &cookie, op, payload).await?;
        reply(&mut stream).await
    }
}

/// Starts an agent that holds `keys`, in place of one that may be running, and waits until it listens.
pub(crate) async fn start(profile: &ProfileDir, keys: &[u8], idle: Duration) -> Result<()> {
    Agent::of(profile).end().await;
    run(profile, keys, idle).await.map_err(|error| Failure::own(Exit::Local, "agent-failed").with("why", error))
}

async fn run(profile: &ProfileDir, keys: &[u8], idle: Duration) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("agent")
        .arg("--profile-dir")
        .arg(profile.path())
        .arg("--idle-seconds")
        .arg(idle.as_secs().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    os::detach(&mut command);
    let mut child = tokio::process::Command::from(command).spawn()?;
    let mut stdin = child.stdin.take().expect("it was asked for");
    stdin.write_all(keys).await?;
    stdin.shutdown().await?;
    drop(stdin);
    let stdout = child.stdout.take().expect("it was asked for");
    let mut line = String::new();
    BufReader::new(stdout.take(64)).read_line(&mut line).await?;
    if line.trim_end() == READY { Ok(()) } else { Err(io::Error::other("it ended before it listened")) }
}
