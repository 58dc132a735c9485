//! The platform of a test: started, restarted, looked into.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use siegel_platform::Ctx;
use siegel_platform::clock::{SharedClock, SystemClock};
use siegel_platform::host::{Given, MakeZones};
use siegel_platform::worker::Worker;
use siegel_server::{Platform, ServerConfig};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::Liar;
use crate::parts::Parts;
use crate::search::{files_below, hits};

/// What a test's platform differs in.
pub struct WorldOptions {
    /// Time; the system's if absent.
    pub clock: Option<SharedClock>,
    /// Other zones than the two directories.
    pub zones: Option<MakeZones>,
    /// Whether background work runs by itself; a test that steps it by hand says no.
    pub workers: bool,
    /// The address that people use, if something stands before the platform; it speaks plain HTTP then.
    pub public_url: Option<String>,
    /// Changes to the settings.
    pub settings: fn(&mut ServerConfig),
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self { clock: None, zones: None, workers: true, public_url: None, settings: |_| {} }
    }
}

/// A platform that runs.
pub struct World {
    dir: Arc<TempDir>,
    parts: Option<Parts>,
    /// Whether a test brought the zones.
    own_zones: bool,
    address: SocketAddr,
    ctx: Ctx,
    ca: Option<[u8; 32]>,
    workers: Vec<Worker>,
    serving: JoinHandle<usize>,
}

impl World {
    /// A new platform in a directory of its own.
    pub async fn start() -> Result<Self> {
        Self::with(WorldOptions::default()).await
    }

    /// The same, differing in `options`.
    pub async fn with(options: WorldOptions) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("siegel-e2e-").tempdir().context("a directory for the test")?;
        Self::on(Arc::new(dir), SocketAddr::from(([127, 0, 0, 1], 0)), options).await
    }

    /// A platform whose provider lies when a test says so.
    pub async fn behind_a_liar() -> Result<(Self, Liar)> {
        let liar = Liar::listen().await?;
        let world = Self::with(WorldOptions { public_url: Some(liar.url()), ..WorldOptions::default() }).await?;
        liar.before(world.address);
        Ok((world, liar))
    }

    async fn on(dir: Arc<TempDir>, address: SocketAddr, options: WorldOptions) -> Result<Self> {
        let mut config =
            ServerConfig { state_dir: dir.path().join("state"), listen: address, ..ServerConfig::default() };
        config.plain_http = options.public_url.is_some();
        config.public_url = options.public_url;
        let parts = Parts::of_world(dir.path())?;
        if let Some(parts) = &parts {
            config.parts = parts.choice();
        }
        (options.settings)(&mut config);
        let clock = options.clock.unwrap_or_else(|| Arc::new(SystemClock::default()));
        let own_zones = options.zones.is_some();
        let given = Given { clock, zones: options.zones, ..Given::default() };
        let platform = Platform::open(config, given).await?;
        let (address, ctx, ca) = (platform.address(), platform.ctx().clone(), platform.ca_fingerprint());
        let workers = platform.workers();
        if options.workers {
            platform.spawn_workers();
        }
        #[expect(clippy::disallowed_methods, reason = "the handle is awaited by stop, which fails on a panic")]
        let serving = tokio::spawn(platform.serve());
        Ok(Self { dir, parts, own_zones, address, ctx, ca, workers, serving })
    }

    /// Stops as on SIGTERM and starts again on the same directory and address.
    pub async fn restart(self, options: WorldOptions) -> Result<Self> {
        let (dir, address) = (self.dir.clone(), self.address);
        self.stop().await?;
        Self::on(dir, address, options).await
    }

    /// Stops as on SIGTERM; fails if a connection had to be cut or a task panicked.
    pub async fn stop(self) -> Result<()> {
        self.ctx.shutdown.begin();
        self.serving.await.context("serving")?;
        anyhow::ensure!(self.ctx.tasks.panics() == 0, "a task panicked");
        Ok(())
    }

    /// The platform's inside, for looking.
    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// The fingerprint of its CA.
    pub fn ca(&self) -> Option<[u8; 32]> {
        self.ca
    }

    /// Its public address.
    pub fn url(&self) -> &str {
        &self.ctx.public_url
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// A place outside the state directory, for profiles and files of people.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Keeps the directory for as long as it is held, beyond the platform's end.
    pub fn keep(&self) -> Arc<TempDir> {
        self.dir.clone()
    }

    /// Where a zone's objects lie.
    pub fn zone(&self, short: &str) -> PathBuf {
        self.state().join("zones").join(short)
    }

    /// Runs the worker of that name until it finds nothing to do; returns how much it did.
    pub async fn work(&self, name: &str) -> Result<usize> {
        let worker = self.workers.iter().find(|worker| worker.name() == name);
        let worker = worker.with_context(|| format!("no worker {name}; there are {:?}", self.worker_names()))?;
        let mut done = 0;
        loop {
            let now = worker.run_once().await.map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
            if now == 0 {
                return Ok(done);
            }
            done += now;
        }
    }

    /// Runs all workers, in their order, until none has anything to do and nothing is on its way between them.
    pub async fn settle(&self) -> Result<()> {
        loop {
            let mut done = 0;
            for name in self.worker_names() {
                done += self.work(name).await?;
            }
            if done == 0 && self.ctx.log.is_quiet() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// All workers.
    pub fn worker_names(&self) -> Vec<&'static str> {
        self.workers.iter().map(Worker::name).collect()
    }

    /// Sealed objects that lie in a zone now.
    pub fn objects(&self, short: &str) -> Vec<PathBuf> {
        match &self.parts {
            Some(parts) if !self.own_zones => parts.objects(&self.ctx, short),
            _ => files_below(&self.zone(short)),
        }
    }

    /// Files of the platform, wherever it keeps any, that hold `canary` in any spelling.
    pub async fn hits(&self, canary: &[u8]) -> Result<Vec<PathBuf>> {
        let mut files = files_below(&self.state());
        if let Some(parts) = &self.parts {
            files.extend(parts.files(&self.ctx).await?);
        }
        Ok(hits(&files, canary))
    }

    /// Whether `path` lies in the state directory.
    pub fn holds(&self, path: &Path) -> bool {
        path.starts_with(self.state())
    }
}
