//! What upload counts. The alarms are on `copies_damaged` and on the age of what waits for repair.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use siegel_platform::metrics::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ZoneReason {
    zone: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Zone {
    zone: String,
}

/// The numbers of this service.
#[derive(Clone)]
pub struct UploadMetrics {
    damaged: Family<ZoneReason, Counter>,
    healed: Family<Zone, Counter>,
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
        Self {
            damaged: metrics.register("copies_damaged", "Copies found lost or rotten, by zone", Family::default()),
            healed: metrics.register("copies_healed", "Copies made whole again, by zone", Family::default()),
            scrubbed_bytes: metrics.register("scrubbed_bytes", "Bytes the scrubber compared", Counter::default()),
            orphans: metrics.register("orphans_deleted", "Objects without a row that were deleted", Counter::default()),
            swept: metrics.register("uploads_swept", "Abandoned uploads that were swept", Counter::default()),
        }
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
