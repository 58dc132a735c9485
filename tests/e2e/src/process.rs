//! The platform in the test's own process: what a test may look into, and step by hand.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use siegel_platform::Ctx;
use siegel_platform::clock::SystemClock;
use siegel_platform::host::Given;
use siegel_platform::worker::Worker;
use siegel_server::{Platform, ServerConfig};
use tokio::task::JoinHandle;

use crate::parts::Parts;
use crate::world::Runs;
use crate::{World, WorldOptions};

/// A platform that runs here.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    pub(crate) ctx: Ctx,
    pub(crate) ca: Option<[u8; 32]>,
    /// Whether a test brought the zones.
    pub(crate) own_zones: bool,
    workers: Vec<Worker>,
    serving: JoinHandle<usize>,
}

impl Process {
    pub(crate) async fn start(
        dir: &Path,
        parts: Option<&Parts>,
        address: SocketAddr,
        options: WorldOptions,
    ) -> Result<Self> {
        let mut config = ServerConfig { state_dir: dir.join("state"), listen: address, ..ServerConfig::default() };
        config.plain_http = options.public_url.is_some();
        config.public_url = options.public_url;
        if let Some(parts) = parts {
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
        Ok(Self { address, ctx, ca, own_zones, workers, serving })
    }

    /// As on SIGTERM; fails if a task panicked.
    pub(crate) async fn stop(self) -> Result<()> {
        self.ctx.shutdown.begin();
        self.serving.await.context("serving")?;
        anyhow::ensure!(self.ctx.tasks.panics() == 0, "a task panicked");
        Ok(())
    }

    /// All workers.
    pub(crate) fn worker_names(&self) -> Vec<&'static str> {
        self.workers.iter().map(Worker::name).collect()
    }

    /// Runs the worker of that name until it finds nothing to do; returns how much it did.
    pub(crate) async fn work(&self, name: &str) -> Result<usize> {
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
    pub(crate) async fn settle(&self) -> Result<()> {
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
}

/// For tests of the module `inside`; the others can't tell how their platform runs.
impl World {
    /// The platform's inside, for looking.
    pub fn ctx(&self) -> &Ctx {
        &self.process().ctx
    }

    /// Runs the worker of that name until it finds nothing to do; returns how much it did.
    pub async fn work(&self, name: &str) -> Result<usize> {
        self.process().work(name).await
    }

    /// Runs all workers, in their order, until none has anything to do and nothing is on its way between them.
    pub async fn settle(&self) -> Result<()> {
        self.process().settle().await
    }

    /// All workers.
    pub fn worker_names(&self) -> Vec<&'static str> {
        self.process().worker_names()
    }

    fn process(&self) -> &Process {
        match &self.runs {
            Runs::Process(process) => process,
            _ => panic!("nobody looks into another process: this test belongs to the module `inside`"),
        }
    }
}
