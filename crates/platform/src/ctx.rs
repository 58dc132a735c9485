//! What every service is given at start. Cheap to clone; nothing in it is global.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::SharedClock;
use crate::db::{DbOptions, Home, Place};
use crate::health::Health;
use crate::log::{ConsumerMetrics, Log};
use crate::metrics::Metrics;
use crate::quota::Quotas;
use crate::rng::Rng;
use crate::secrets::Secrets;
use crate::tasks::{Shutdown, Tasks};
use crate::tenants::Tenants;
use crate::zones::Zones;

/// The platform, as a service sees it.
#[derive(Clone)]
pub struct Ctx {
    /// Time.
    pub clock: SharedClock,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Where background work is spawned.
    pub tasks: Tasks,
    /// When to stop.
    pub shutdown: Shutdown,
    /// Keys of the platform and the tenants.
    pub secrets: Arc<Secrets>,
    /// Where sealed bytes lie.
    pub zones: Arc<Zones>,
    /// Events of the other services.
    pub log: Arc<Log>,
    /// Which tenants exist.
    pub tenants: Arc<Tenants>,
    /// What each of them may take of this process.
    pub quotas: Arc<Quotas>,
    /// Where tenants' databases lie.
    pub home: Home,
    /// Numbers.
    pub metrics: Arc<Metrics>,
    /// Those of everybody who reads events.
    pub consumers: ConsumerMetrics,
    /// What readiness waits for.
    pub health: Health,
    /// Where databases, zones and keys lie.
    pub state_dir: PathBuf,
    /// The address clients use, without a slash at the end: `https://host:port`. Tokens and proofs are bound to it.
    pub public_url: String,
}

impl Ctx {
    /// Where tenants' databases lie, to make and to look for.
    pub fn databases(&self) -> Place<'_> {
        self.home.place(&self.state_dir)
    }

    /// How this process opens databases.
    pub fn db_options(&self) -> DbOptions {
        DbOptions {
            home: self.home.clone(),
            secure_delete: false,
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
        }
    }
}
