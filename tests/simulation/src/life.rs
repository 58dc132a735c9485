//! One life of the platform's process: from its start to a stop or to its death, with the sessions of those who use it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use siegel_client::profile::ProfileDir;
use siegel_client::{Session, SignIn, Unlocked};
use siegel_platform::Ctx;
use siegel_platform::clock::Clock as _;
use siegel_platform::host::Given;
use siegel_platform::worker::Worker;
use siegel_platform::zones::ObjectName;
use siegel_platform::zones::faults::Fault;
use siegel_server::{Platform, ServerConfig};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::place::Place;
use crate::stage::Somebody;
use crate::zones;

/// How long a patient client bridges a broken line, in real time: it asks again after a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// A process that runs.
pub struct Life {
    ctx: Ctx,
    workers: Vec<Worker>,
    serving: JoinHandle<usize>,
    carrying: JoinHandle<()>,
    sessions: HashMap<(usize, Option<usize>, bool), Session>,
}

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Not in this operation.
    No,
    /// After the operation was polled so often.
    Turns(u16),
    /// As soon as this zone holds back a write.
    InWrite(usize),
}

impl Life {
    /// Starts the platform.
    pub async fn begin(place: &Place) -> Result<Self> {
        let config = ServerConfig {
            state_dir: place.state(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: Some(place.url.clone()),
            plain_http: true,
            ..place.settings()
        };
        let zones = zones::make(place.faults.clone(), place.clock.clone());
        let given = Given { clock: Arc::new(place.clock.clone()), rng: place.rng.clone(), zones: Some(zones) };
        let platform = Platform::open(config, given).await?;
        let (address, ctx, workers) = (platform.address(), platform.ctx().clone(), platform.workers());
        let listener = TcpListener::from_std(place.listener.try_clone()?)?;
        #[expect(clippy::disallowed_methods, reason = "the handle is awaited by stop, which fails on a panic")]
        let serving = tokio::spawn(platform.serve());
        #[expect(clippy::disallowed_methods, reason = "aborted by stop, or gone with the runtime")]
        let carrying = tokio::spawn(place.line.clone().carry(listener, address));
        Ok(Self { ctx, workers, serving, carrying, sessions: HashMap::new() })
    }

    /// Stops as on SIGTERM.
    pub async fn stop(self) -> Result<()> {
        drop(self.sessions);
        self.carrying.abort();
        self.ctx.shutdown.begin();
        self.serving.await.context("serving")?;
        ensure!(self.ctx.tasks.panics() == 0, "a task of the platform panicked");
        Ok(())
    }

    /// The platform's inside.
    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// Fails if a task of the platform panicked.
    pub fn no_panics(&self) -> Result<()> {
        ensure!(self.ctx.tasks.panics() == 0, "a task of the platform panicked");
        Ok(())
    }

    /// A session of an institution's owner or of one of its senders. An impatient one hears of every failure.
    pub fn session(&mut self, place: &Place, tenant: usize, sender: Option<usize>, patient: bool) -> Result<Session> {
        if let Some(session) = self.sessions.get(&(tenant, sender, patient)) {
            return Ok(session.clone());
        }
        let house = &place.houses[tenant];
        let somebody: &Somebody = sender.map_or(&house.owner, |sender| &house.senders[sender].1);
        let clock = place.clock.clone();
        let sign_in = SignIn::at(ProfileDir::at(place.path(&somebody.profile)))
            .bridge(if patient { PATIENCE } else { Duration::ZERO })
            .clock(Arc::new(move || clock.now().0));
        let session = match somebody.keys.as_deref().and_then(Unlocked::from_bytes) {
            Some(unlocked) => sign_in.unlocked(unlocked)?,
            None => sign_in.machine()?,
        };
        self.sessions.insert((tenant, sender, patient), session.clone());
        Ok(session)
    }

    /// The owner's session, or a sender's; hears of every failure.
    pub fn owner(&mut self, place: &Place, tenant: usize) -> Result<Session> {
        self.session(place, tenant, None, false)
    }

    /// The names of all workers.
    pub fn workers(&self) -> Vec<&'static str> {
        self.workers.iter().map(Worker::name).collect()
    }

    /// One run of a worker.
    pub async fn work(&self, at: usize) -> Result<usize> {
        let worker = &self.workers[at % self.workers.len()];
        worker.run_once().await.map_err(|error| anyhow::anyhow!("{}: {error}", worker.name()))
    }

    /// One run of the worker of that name.
    pub async fn work_of(&self, name: &str) -> Result<usize> {
        let at = self.workers.iter().position(|worker| worker.name() == name).context("a worker of that name")?;
        self.work(at).await
    }

    /// Runs all workers until none has anything to do.
    pub async fn settle(&self) -> Result<()> {
        for _ in 0..1_000 {
            let mut done = 0;
            for at in 0..self.workers.len() {
                done += self.work(at).await?;
            }
            if done == 0 {
                return Ok(());
            }
        }
        anyhow::bail!("expected: the workers come to an end; seen: after 1,000 rounds they still find something to do")
    }

    /// Shows the platform that a zone answers again, so that neither breaker is in doubt.
    pub async fn poke(&self, place: &Place, zone: usize) -> Result<()> {
        let zone = self.ctx.zones.both()[zone];
        let bucket = self.ctx.zones.bucket(place.houses[0].tenant);
        let nothing = ObjectName::part(&*place.rng, 0);
        zone.delete(&bucket, &nothing).await.context("a healed zone is asked")?;
        ensure!(zone.writes_go_well(), "expected: a zone that answers is used again; seen: it is still cut off");
        Ok(())
    }
}

/// Runs `work` until it ends or the process dies.
pub async fn until<F: Future>(place: &Place, death: Death, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    match death {
        Death::No => Some(work.await),
        Death::Turns(turns) => {
            let mut left = turns;
            std::future::poll_fn(|context| match work.as_mut().poll(context) {
                Poll::Ready(value) => Poll::Ready(Some(value)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => {
                    left -= 1;
                    Poll::Pending
                }
            })
            .await
        }
        Death::InWrite(zone) => {
            let held = async {
                // In real time: nothing tells when a write begins to wait.
                let faults = &place.faults[zone];
                while !(faults.current() == Fault::Hold && faults.writes() > faults.ended_writes()) {
                    siegel_e2e::moment(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                value = work => Some(value),
                () = held => None,
            }
        }
    }
}
