//! The platform as six programs behind a front: on embedded parts on one state directory, on real parts with one each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use siegel_domain::TenantId;
use siegel_platform::host::{Beside, PartsChoice};
use siegel_platform::program::Program;
use siegel_platform::tasks::Shutdown;
use siegel_platform::zones::Bucket;
use tempfile::TempDir;

use crate::Line;
use crate::front;
use crate::parts::Parts;
use crate::ports::free_addresses;
use crate::search::files_below;

/// The programs, by the services' names.
pub const NAMES: [&str; 6] = ["key-directory", "upload", "retention", "notification", "operator", "dealer-api"];

/// What people reach, if it is not the front itself.
pub(crate) enum Before {
    /// The front.
    Nothing,
    /// What stands before it under this address: plain HTTP, and so is all behind it.
    Liar(String),
    /// A line that carries bytes to it.
    Line(Line),
}

/// Six processes and a front. Killed when dropped.
pub struct Programs {
    pub(crate) dir: Arc<TempDir>,
    parts: Option<Parts>,
    choice: PartsChoice,
    pub(crate) binaries: PathBuf,
    front: SocketAddr,
    before: Before,
    bucket_secret: [u8; 32],
    pub(crate) running: BTreeMap<&'static str, Running>,
    shutdown: Shutdown,
}

pub(crate) struct Running {
    pub(crate) public: SocketAddr,
    pub(crate) internal: SocketAddr,
    pub(crate) child: Option<Child>,
    /// Length of its log when it was last begun.
    pub(crate) log_begins: u64,
}

impl Programs {
    /// Starts all programs at once, as after a boot of the machine; `binaries` is where they lie.
    pub async fn start(binaries: &Path) -> Result<Self> {
        Self::start_with(binaries, "", &[]).await
    }

    /// The same with further sections in the configuration of all, and settings of single programs: their section `[service]`.
    pub async fn start_with(binaries: &Path, settings: &str, own: &[(&str, &str)]) -> Result<Self> {
        Self::start_at(binaries, Before::Nothing, settings, own).await
    }

    /// The same behind something that stands before the front; all of it speaks plain HTTP then.
    pub(crate) async fn start_behind(binaries: &Path, public_url: String) -> Result<Self> {
        Self::start_at(binaries, Before::Liar(public_url), "", &[]).await
    }

    /// The same behind a line that loses answers.
    pub(crate) async fn start_on(binaries: &Path, line: Line) -> Result<Self> {
        Self::start_at(binaries, Before::Line(line), "", &[]).await
    }

    async fn start_at(binaries: &Path, before: Before, settings: &str, own: &[(&str, &str)]) -> Result<Self> {
        let dir = crate::world::directory()?;
        let [front, rest @ ..] = free_addresses::<13>()?;
        let addresses = rest.chunks_exact(2).zip(NAMES);
        let at = |pair: &[SocketAddr]| Running { public: pair[0], internal: pair[1], child: None, log_begins: 0 };
        let running = addresses.map(|(pair, name)| (name, at(pair))).collect();
        let parts = Parts::of_world(dir.path())?;
        let choice = parts.as_ref().map_or(PartsChoice::Embedded, Parts::choice);
        let (binaries, shutdown) = (binaries.to_owned(), Shutdown::new());
        let mut programs =
            Self { dir, parts, choice, binaries, front, before, bucket_secret: [0; 32], running, shutdown };
        for name in NAMES {
            let own = own.iter().filter(|(of, _)| *of == name).map(|(_, text)| format!("[service]\n{text}"));
            programs.write_config(name, &format!("{settings}{}", own.collect::<String>()))?;
        }
        programs.start_all().await?;
        let state = programs.state();
        let beside = Beside::open(&state, &state.join("secrets.key"), &programs.choice).await?;
        let secret = beside.secrets.get("zones/buckets").await?.context("made at the first start")?;
        programs.bucket_secret = secret.as_slice().try_into()?;
        let certificate = (!programs.plain()).then_some((state.as_path(), &beside.secrets));
        let line = match &programs.before {
            Before::Line(line) => Some(line.clone()),
            Before::Nothing | Before::Liar(_) => None,
        };
        if let Some(line) = &line {
            line.leads_to(front);
        }
        front::serve(certificate, front, programs.routes(), line, programs.shutdown.clone()).await?;
        beside.close().await;
        Ok(programs)
    }

    fn plain(&self) -> bool {
        matches!(self.before, Before::Liar(_))
    }

    /// The one address.
    pub fn url(&self) -> String {
        match &self.before {
            Before::Nothing => format!("https://localhost:{}", self.front.port()),
            Before::Liar(url) => url.clone(),
            Before::Line(line) => format!("https://localhost:{}", line.address().port()),
        }
    }

    /// Where the front listens, whatever people take for the address.
    pub(crate) fn front(&self) -> SocketAddr {
        self.front
    }

    /// Its own directory, with everything in it.
    pub(crate) fn directory(&self) -> &Arc<TempDir> {
        &self.dir
    }

    /// The processes that run.
    pub(crate) fn pids(&self) -> impl Iterator<Item = u32> {
        self.running.values().filter_map(|running| running.child.as_ref()).map(Child::id)
    }

    /// Where an institution's objects lie in a zone.
    pub(crate) fn bucket(&self, tenant: TenantId) -> Bucket {
        Bucket::of(tenant, &self.bucket_secret)
    }

    /// What a service's events look like on Kafka's disk, as far as they have come; of a world on real parts.
    pub fn carried(&self, service: &str) -> Result<Vec<u8>> {
        self.parts.as_ref().context("embedded parts carry no events")?.carried(service)
    }

    /// The real parts they stand on, if any.
    pub(crate) fn real(&self) -> Option<&Parts> {
        self.parts.as_ref()
    }

    /// A program's own public address.
    pub fn own_url(&self, name: &str) -> String {
        let scheme = if self.plain() { "http" } else { "https" };
        format!("{scheme}://localhost:{}", self.running[name].public.port())
    }

    /// A program's address for the others.
    pub fn internal(&self, name: &str) -> SocketAddr {
        self.running[name].internal
    }

    /// The state directory; on real parts the key directory's, since each program has one of its own then.
    pub fn state(&self) -> PathBuf {
        self.state_of(NAMES[0])
    }

    /// All state directories, and what was written beside them: configuration and logs.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files_below(self.dir.path())
    }

    pub(crate) fn state_of(&self, name: &str) -> PathBuf {
        match self.choice {
            PartsChoice::Embedded => self.dir.path().join("state"),
            PartsChoice::File(_) => self.dir.path().join(format!("state-{name}")),
        }
    }

    /// On which parts they run.
    pub fn parts(&self) -> &PartsChoice {
        &self.choice
    }

    /// A place outside the state directory.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Stops all as at the end of the machine's day; fails if one does not end well.
    pub async fn stop(mut self) -> Result<()> {
        self.shutdown.begin();
        self.stop_all().await
    }

    pub(crate) fn file(&self, name: &str, kind: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.{kind}"))
    }

    /// A file for each: the addresses are flags.
    fn write_config(&self, name: &str, settings: &str) -> Result<()> {
        let peers: String =
            self.running.iter().map(|(name, running)| format!("{name} = \"{}\"\n", running.internal)).collect();
        let parts = match &self.parts {
            None => "embedded".to_owned(),
            Some(parts) => parts.of_service(name).display().to_string(),
        };
        let (url, plain) = (self.url(), self.plain());
        let text = format!("public_url = {url:?}\nplain_http = {plain}\nparts = {parts:?}\n[peers]\n{peers}{settings}");
        std::fs::write(self.file(name, "toml"), text).context("the programs' configuration")
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

impl Drop for Programs {
    fn drop(&mut self) {
        self.tell_if_it_failed();
        self.shutdown.begin();
        for running in self.running.values_mut() {
            if let Some(child) = &mut running.child {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}
