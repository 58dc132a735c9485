//! Zones: where sealed bytes lie, twice. What a zone stores is opaque to it, under names that say nothing ([`name`]).
//!
//! ```text
//! put_both ──► Zone a: breaker → deadline, place → ObjectStore      (two local directories, or two S3 endpoints)
//!         └──► Zone b: breaker → deadline, place → ObjectStore      (one buffer, shared)
//! ```
//!
//! A zone that fails is not asked for a while and its absence is told to the caller, who decides by the tenant's setting
//! whether one zone is enough. An adapter is an `ObjectStore`, a [`ZoneAdmin`] and a run of [`contract`]; [`faults`] wraps
//! any of them for tests.

mod admin;
mod breaker;
mod calls;
pub mod contract;
mod error;
pub mod faults;
mod listing;
mod local;
mod metrics;
mod name;
#[cfg(feature = "real")]
pub mod s3;
mod zone;

use std::path::Path;

use bytes::Bytes;
use siegel_domain::{TenantId, jurisdiction};
use zeroize::Zeroizing;

use crate::clock::SharedClock;

pub use admin::{Inventory, Replaced, ZoneAdmin};
pub use calls::{CALLS, DEADLINE_MS};
pub use error::ZoneError;
pub use listing::{Listed, Listing};
pub use local::{LocalZone, ZoneOpenError};
pub use metrics::ZoneMetrics;
pub use name::{Bucket, ObjectName};
pub use zone::{Deletion, SLOW_MS, Zone};

/// The names of the two zones, in receipts, events and metrics.
pub const NAMES: [&str; 2] = ["zone-a", "zone-b"];

/// The two zones.
pub struct Zones {
    /// The first.
    pub a: Zone,
    /// The second.
    pub b: Zone,
    bucket_secret: Zeroizing<[u8; 32]>,
}

/// What each zone made of a write.
#[derive(Debug)]
pub struct PutOutcome {
    /// By the first.
    pub a: Result<(), ZoneError>,
    /// By the second.
    pub b: Result<(), ZoneError>,
}

impl Zones {
    /// Two zones; `bucket_secret` hides whose bucket is whose, and never changes.
    pub fn new(a: Zone, b: Zone, bucket_secret: [u8; 32]) -> Self {
        Self { a, b, bucket_secret: Zeroizing::new(bucket_secret) }
    }

    /// Two local directories, `state_dir/zones/{a,b}`. Made at the first start; later a missing one is a lost zone and
    /// the platform starts without it.
    pub fn open_local(
        state_dir: &Path,
        jurisdiction: &str,
        bucket_secret: [u8; 32],
        clock: SharedClock,
        metrics: ZoneMetrics,
    ) -> Result<Self, ZoneOpenError> {
        let roots = ["a", "b"].map(|short| state_dir.join("zones").join(short));
        local::make_first_time(state_dir, &roots)?;
        let [a, b] = [0, 1].map(|at| {
            let local = LocalZone::open(NAMES[at], &roots[at])?;
            let (store, admin) = (local.clone(), local);
            Ok(Zone::new(NAMES[at], jurisdiction, store, admin, clock.clone(), metrics.clone()))
        });
        Ok(Self::new(a?, b?, bucket_secret))
    }

    /// Both, the first first.
    pub fn both(&self) -> [&Zone; 2] {
        [&self.a, &self.b]
    }

    /// The zone of that name.
    pub fn by_name(&self, name: &str) -> Option<&Zone> {
        self.both().into_iter().find(|zone| zone.name == name)
    }

    /// Where a tenant's objects lie.
    pub fn bucket(&self, tenant: TenantId) -> Bucket {
        Bucket::of(tenant, &self.bucket_secret)
    }

    /// Zones outside a tenant's jurisdiction; one is reason enough to refuse (C12).
    pub fn outside(&self, tenant_jurisdiction: &str) -> Vec<&'static str> {
        let outside = |zone: &&Zone| !jurisdiction::holds(tenant_jurisdiction, &zone.jurisdiction);
        self.both().into_iter().filter(outside).map(|zone| zone.name).collect()
    }

    /// Writes a new object into both zones at once, from one buffer.
    pub async fn put_both(&self, bucket: &Bucket, name: &ObjectName, bytes: Bytes) -> PutOutcome {
        let (a, b) = futures::join!(self.a.put_new(bucket, name, bytes.clone()), self.b.put_new(bucket, name, bytes));
        PutOutcome { a, b }
    }
}

impl PutOutcome {
    /// The zones that hold it durably.
    pub fn held_by(&self) -> Vec<&'static str> {
        let held = |(at, result): (usize, &Result<(), ZoneError>)| result.is_ok().then(|| NAMES[at]);
        [&self.a, &self.b].into_iter().enumerate().filter_map(held).collect()
    }

    /// The first reason why one does not.
    pub fn failure(&self) -> Option<&ZoneError> {
        self.a.as_ref().err().or(self.b.as_ref().err())
    }

    /// Whether no zone has room.
    pub fn nowhere_room(&self) -> bool {
        matches!((&self.a, &self.b), (Err(ZoneError::Full(_)), Err(ZoneError::Full(_))))
    }
}
