//! The platform as six programs on one state directory, behind a front.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use siegel_platform::host::PartsChoice;
use siegel_platform::program::Program;
use siegel_platform::rng::{Rng, SystemRng};
use siegel_platform::tasks::Shutdown;
use tempfile::TempDir;

use crate::front;
use crate::parts::Parts;

/// The programs, by the services' names.
pub const NAMES: [&str; 6] = ["key-directory", "upload", "retention", "notification", "operator", "dealer-api"];

/// Lines of each log that a failed test shows.
const COMPLAINTS: usize = 8;

/// Six processes and a front. Killed when dropped.
pub struct Programs {
    dir: TempDir,
    parts: PartsChoice,
    binaries: PathBuf,
    front: SocketAddr,
    running: BTreeMap<&'static str, Running>,
    shutdown: Shutdown,
}

struct Running {
    public: SocketAddr,
    internal: SocketAddr,
    child: Option<Child>,
}

impl Programs {
    /// Starts all programs at once, as after a boot of the machine; `binaries` is where they lie.
    pub async fn start(binaries: &Path) -> Result<Self> {
        Self::start_with(binaries, "").await
    }

    /// The same with further sections in their configuration.
    pub async fn start_with(binaries: &Path, settings: &str) -> Result<Self> {
        Self::start_as(binaries, settings, &[]).await
    }

    /// The same with settings of single programs: their section `[service]`.
    pub async fn start_as(binaries: &Path, settings: &str, own: &[(&str, &str)]) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("siegel-programs-").tempdir().context("a directory for the test")?;
        let [front, rest @ ..] = free_addresses::<13>()?;
        let addresses = rest.chunks_exact(2).zip(NAMES);
        let running = addresses.map(|(pair, name)| (name, Running { public: pair[0], internal: pair[1], child: None }));
        let running = running.collect();
        let parts = Parts::of_world(dir.path())?.map_or(PartsChoice::Embedded, |parts| parts.choice());
        let mut programs =
            Self { dir, parts, binaries: binaries.to_owned(), front, running, shutdown: Shutdown::new() };
        for name in NAMES {
            let own = own.iter().filter(|(of, _)| *of == name).map(|(_, text)| format!("[service]\n{text}"));
            programs.write_config(name, &format!("{settings}{}", own.collect::<String>()))?;
        }
        for name in NAMES {
            programs.spawn(name)?;
        }
        for name in NAMES {
            programs.wait_until_ready(name).await?;
        }
        front::serve(&programs.state(), &programs.parts, front, programs.routes(), programs.shutdown.clone()).await?;
        Ok(programs)
    }

    /// The one address.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.front.port())
    }

    /// A program's own public address.
    pub fn own_url(&self, name: &str) -> String {
        format!("https://localhost:{}", self.running[name].public.port())
    }

    /// A program's address for the others.
    pub fn internal(&self, name: &str) -> SocketAddr {
        self.running[name].internal
    }

    /// The state directory; on real parts the key directory's, since each program has one of its own then.
    pub fn state(&self) -> PathBuf {
        self.state_of(NAMES[0])
    }

    fn state_of(&self, name: &str) -> PathBuf {
        match self.parts {
            PartsChoice::Embedded => self.dir.path().join("state"),
            PartsChoice::File(_) => self.dir.path().join(format!("state-{name}")),
        }
    }

    /// On which parts they run.
    pub fn parts(&self) -> &PartsChoice {
        &self.parts
    }

    /// A place outside the state directory.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// How many requests of a method a program has answered, as it tells at `/metrics`.
    pub async fn answered(&self, name: &str, method: &str) -> Result<u64> {
        let text = self.metrics(name).await?;
        let label = format!("method=\"{method}\"");
        let of = text.lines().filter(|line| line.starts_with("siegel_requests_total{") && line.contains(&label));
        Ok(of.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    async fn metrics(&self, name: &str) -> Result<String> {
        let pem = std::fs::read(self.state().join("ca").join("ca.pem"))?;
        let client = reqwest::Client::builder().tls_certs_only([reqwest::Certificate::from_pem(&pem)?]).build()?;
        Ok(client.get(format!("{}/metrics", self.own_url(name))).send().await?.text().await?)
    }

    /// What a program wrote to its log.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name, "log")).unwrap_or_default()
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

    /// A number of a program as it tells it at `/metrics`: the sum over everything that begins with `series`.
    pub async fn number(&self, name: &str, series: &str) -> Result<f64> {
        let of = self.metrics(name).await?;
        Ok(of
            .lines()
            .filter(|line| line.starts_with(series))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// Memory of a program that lies in RAM, MiB.
    pub fn resident_mib(&self, name: &str) -> Result<u64> {
        let child = self.running[name].child.as_ref().context("it does not run")?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.split_whitespace().next().context("a number")?.parse::<u64>()? / 1_024)
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
        self.spawn(name)?;
        self.wait_until_ready(name).await
    }

    /// Stops all as at the end of the machine's day; fails if one does not end well.
    pub async fn stop(mut self) -> Result<()> {
        self.shutdown.begin();
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

    fn file(&self, name: &str, kind: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.{kind}"))
    }

    /// A file for each: the addresses are flags.
    fn write_config(&self, name: &str, settings: &str) -> Result<()> {
        let peers: String =
            self.running.iter().map(|(name, running)| format!("{name} = \"{}\"\n", running.internal)).collect();
        let parts = match &self.parts {
            PartsChoice::Embedded => "embedded".to_owned(),
            PartsChoice::File(file) => file.display().to_string(),
        };
        let text = format!("public_url = \"{}\"\nparts = {parts:?}\n[peers]\n{peers}{settings}", self.url());
        std::fs::write(self.file(name, "toml"), text).context("the programs' configuration")
    }

    fn spawn(&mut self, name: &'static str) -> Result<()> {
        let ready = self.file(name, "ready");
        let _ = std::fs::remove_file(&ready);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.file(name, "log"))?;
        let binary = self.binaries.join(format!("siegel-{name}"));
        ensure!(binary.exists(), "{} is missing: cargo build --workspace --bins", binary.display());
        let (config, state) = (self.file(name, "toml"), self.state_of(name));
        let running = self.running.get_mut(name).context("no such program")?;
        let child = Command::new(binary)
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(state)
            .arg("--listen")
            .arg(running.public.to_string())
            .arg("--internal-listen")
            .arg(running.internal.to_string())
            .arg("--ready-file")
            .arg(ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        running.child = Some(child.with_context(|| format!("start {name}"))?);
        Ok(())
    }

    async fn wait_until_ready(&mut self, name: &'static str) -> Result<()> {
        let ready = self.file(name, "ready");
        for _ in 0..3_000 {
            if ready.exists() {
                return Ok(());
            }
            let child = self.running.get_mut(name).and_then(|running| running.child.as_mut()).context("not started")?;
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("{name} ended with {status} instead of starting:\n{}", self.log(name));
            }
            a_moment().await;
        }
        anyhow::bail!("{name} was not ready within 30 s:\n{}", self.log(name))
    }

    /// What a front is told: the paths that each program says are its.
    fn routes(&self) -> front::Routes {
        let mut routes = front::Routes::new();
        self.lead(&mut routes, &siegel_key_directory::program());
        self.lead(&mut routes, &siegel_upload::program());
        self.lead(&mut routes, &siegel_retention::program());
        self.lead(&mut routes, &siegel_notification::program());
        self.lead(&mut routes, &siegel_operator::dealer::program());
        routes
    }

    fn lead<S>(&self, routes: &mut front::Routes, program: &Program<S>) {
        let address = self.running[program.service()].public;
        routes.extend(program.routes.iter().map(|prefix| (*prefix, address)));
    }
}

impl Programs {
    /// What the programs complained of, for whoever reads why a test failed: their logs go with their directory.
    fn complaints(&self) -> String {
        let complaint = |line: &&str| line.contains("ERROR") || line.contains("WARN");
        let of = |name: &str| {
            let log = self.log(name);
            let lines: Vec<&str> = log.lines().filter(complaint).collect();
            let last = lines.len().saturating_sub(COMPLAINTS);
            format!("{name}, the last of {} complaints:\n{}\n", lines.len(), lines[last..].join("\n"))
        };
        NAMES.map(of).concat()
    }
}

impl Drop for Programs {
    #[expect(clippy::print_stderr, reason = "a test that fails has nobody else to tell")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.complaints());
        }
        self.shutdown.begin();
        for running in self.running.values_mut() {
            if let Some(child) = &mut running.child {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Addresses that are free, and that nobody gets who asks the system for any port: those it gives out begin at 32768. Six
/// programs take a while to start, and other tests start theirs meanwhile.
fn free_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut found = Vec::with_capacity(N);
    while found.len() < N {
        ensure!(taken.len() < 10_000, "no free port");
        let port = 12_000 + u16::try_from((&SystemRng as &dyn Rng).below(20_000))?;
        if taken.insert(port)
            && let Ok(listener) = TcpListener::bind(("127.0.0.1", port))
        {
            found.push(listener.local_addr()?);
        }
    }
    found.try_into().map_err(|_| anyhow::anyhow!("as many as were asked for"))
}

/// Between two looks at a process.
async fn a_moment() {
    crate::moment(Duration::from_millis(10)).await;
}
