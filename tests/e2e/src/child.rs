//! The platform as a process of its own, for killing.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use siegel_envelope::Digest;
use siegel_key_directory::admin::{NewDealer, add_dealer};
use siegel_platform::clock::SystemClock;
use siegel_platform::host::{Beside, PartsChoice};
use siegel_platform::rng::SystemRng;
use zeroize::Zeroizing;

/// A `siegel-server` in a process; killed when dropped.
pub struct ChildServer {
    program: PathBuf,
    state: PathBuf,
    address: SocketAddr,
    args: Vec<String>,
    child: Child,
}

impl ChildServer {
    /// Starts `program` on a state directory and a free port that it keeps over restarts, and waits until it is ready.
    pub async fn start(program: &Path, state: &Path) -> Result<Self> {
        Self::start_with(program, state, &[]).await
    }

    /// The same with further arguments.
    pub async fn start_with(program: &Path, state: &Path, args: &[&str]) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let child = spawn(program, state, address, &args)?;
        let mut server = Self { program: program.to_owned(), state: state.to_owned(), address, args, child };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// `kill -9`, and at once again.
    pub async fn kill_and_restart(&mut self) -> Result<()> {
        self.kill()?;
        self.child = spawn(&self.program, &self.state, self.address, &self.args)?;
        self.wait_until_ready().await
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("kill the server")?;
        self.child.wait().context("wait for the killed server")?;
        Ok(())
    }

    /// SIGTERM, and waits until it has said everything and ended by itself.
    pub fn stop(&mut self) -> Result<()> {
        let process = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &process]).status()?.success(), "the server could not be asked");
        ensure!(self.child.wait().context("wait for the server")?.success(), "the server ended badly");
        Ok(())
    }

    /// What it wrote to standard output and standard error.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.state.with_extension("log"))?)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let ready = ready_file(&self.state);
        for _ in 0..2_000 {
            if ready.exists() {
                return Ok(());
            }
            ensure!(self.child.try_wait()?.is_none(), "the server ended instead of starting");
            crate::moment(Duration::from_millis(10)).await;
        }
        anyhow::bail!("the server was not ready within 20 s")
    }
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn ready_file(state: &Path) -> PathBuf {
    state.with_extension("ready")
}

fn spawn(program: &Path, state: &Path, address: SocketAddr, args: &[String]) -> Result<Child> {
    let _ = std::fs::remove_file(ready_file(state));
    let log = std::fs::OpenOptions::new().create(true).append(true).open(state.with_extension("log"))?;
    Command::new(program)
        .arg("--state")
        .arg(state)
        .arg("--listen")
        .arg(address.to_string())
        .arg("--ready-file")
        .arg(ready_file(state))
        .args(args)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("start the server")
}

/// A dealer's code, made beside the running server at `url` as `siegel-admin dealer add` does.
pub async fn add_dealer_beside(url: &str, state: &Path, parts: &PartsChoice) -> Result<Zeroizing<String>> {
    let beside = Beside::open(state, &state.join("secrets.key"), parts).await?;
    // A platform behind something else speaks plain HTTP, and nothing is pinned.
    let ca = if url.starts_with("https://") { Some(Digest::from_bytes(ca_of(state)?)) } else { None };
    let new = NewDealer { label: "Medizintechnik", public_url: url, ca, code_hours: 72 };
    let code = add_dealer(&beside.provider, &SystemClock::default(), &SystemRng, new).await?.code;
    beside.close().await;
    Ok(code)
}

/// The fingerprint of the CA that a platform left in its state directory.
pub(crate) fn ca_of(state: &Path) -> Result<[u8; 32]> {
    let pem = std::fs::read(state.join("ca").join("ca.pem"))?;
    Ok(siegel_client::ca_fingerprint(&CertificateDer::from_pem_slice(&pem).context("the certificate")?))
}
