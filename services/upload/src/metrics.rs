//! What upload counts. The alarms are on what waits for repair (`infra/alerts`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use siegel_domain::TenantId;
use siegel_platform::metrics::Metrics;
use siegel_platform::zones;

use crate::store::copies::Actual;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ZoneReason {
    zone: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Zone {
    zone: String,
}

/// Copies that wait for repair, of the tenants that have any. Only their sum is shown: no tenant is ever a label.
type Waiting = BTreeMap<(TenantId, String), i64>;

/// The numbers of this service.
#[derive(Clone)]
pub struct UploadMetrics {
    damaged: Family<ZoneReason, Counter>,
    healed: Family<Zone, Counter>,
    to_repair: Family<Zone, Gauge>,
    waiting: Arc<Mutex<Waiting>>,
    /// Bytes the scrubber has read.
    pub scrubbed_bytes: Counter,
    /// Objects without a row that were deleted.
    pub orphans: Counter,
    /// Uploads swept.
    pub swept: Counter,
}

impl UploadMetrics {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        let new = Self {
            to_repair: metrics.register(
                "copies_to_repair",
                "Copies to be made whole or taken away, as the repair worker last saw them, by zone",
                Family::default(),
            ),
            waiting: Arc::default(),
            damaged: metrics.register("copies_damaged", "Copies found lost or rotten, by zone", Family::default()),
            healed: metrics.register("copies_healed", "Copies made whole again, by zone", Family::default()),
            scrubbed_bytes: metrics.register("scrubbed_bytes", "Bytes the scrubber compared", Counter::default()),
            orphans: metrics.register("orphans_deleted", "Objects without a row that were deleted", Counter::default()),
            swept: metrics.register("uploads_swept", "Abandoned uploads that were swept", Counter::default()),
        };
        // All there will be, from the beginning: a rise from nothing is none to Prometheus.
        for zone in zones::NAMES.map(str::to_owned) {
            for reason in [Actual::Lost, Actual::Rot].map(Actual::as_str) {
                drop(new.damaged.get_or_create(&ZoneReason { zone: zone.clone(), reason }));
            }
            drop(new.to_repair.get_or_create(&Zone { zone: zone.clone() }));
            drop(new.healed.get_or_create(&Zone { zone }));
        }
        new
    }

    /// So many copies of a tenant wait for repair in `zone`.
    pub(crate) fn waiting(&self, tenant: TenantId, zone: &str, copies: i64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (tenant, zone.to_owned());
        let before = if copies == 0 { waiting.remove(&place) } else { waiting.insert(place, copies) };
        self.to_repair.get_or_create(&Zone { zone: zone.to_owned() }).inc_by(copies - before.unwrap_or(0));
    }

    /// Copies that wait for repair in `zone`.
    pub fn to_repair_in(&self, zone: &str) -> i64 {
        self.to_repair.get_or_create(&Zone { zone: zone.to_owned() }).get()
    }

    pub(crate) fn damaged(&self, zone: &str, reason: &'static str) {
        self.damaged.get_or_create(&ZoneReason { zone: zone.to_owned(), reason }).inc();
    }

    pub(crate) fn healed(&self, zone: &str) {
        self.healed.get_or_create(&Zone { zone: zone.to_owned() }).inc();
    }

    /// Copies of `zone` that were found damaged for `reason` (`lost`, `rot`).
    pub fn damaged_in(&self, zone: &str, reason: &'static str) -> u64 {
        self.damaged.get_or_create(&ZoneReason { zone: zone.to_owned(), reason }).get()
    }

    /// Copies of `zone` that were made whole again.
    pub fn healed_in(&self, zone: &str) -> u64 {
        self.healed.get_or_create(&Zone { zone: zone.to_owned() }).get()
    }
}
