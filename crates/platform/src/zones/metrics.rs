//! Numbers of the zones.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::Metrics;

/// How the zones do. Clones share the numbers.
#[derive(Debug, Clone, Default)]
pub struct ZoneMetrics {
    up: Family<ZoneLabel, Gauge>,
    failures: Family<ZoneReason, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ZoneLabel {
    zone: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ZoneReason {
    zone: &'static str,
    reason: &'static str,
}

impl ZoneMetrics {
    /// Registers them; once a process.
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            up: metrics.register(
                "zone_up",
                "1 while a zone is read and written, 0 while it is cut off for either",
                Family::default(),
            ),
            failures: metrics.register("zone_failures", "Calls that a zone failed, by reason", Family::default()),
        }
    }

    pub(super) fn up(&self, zone: &'static str, up: bool) {
        self.up.get_or_create(&ZoneLabel { zone }).set(i64::from(up));
    }

    pub(super) fn failure(&self, zone: &'static str, reason: &'static str) {
        self.failures.get_or_create(&ZoneReason { zone, reason }).inc();
    }

    /// Whether a zone is read and written.
    pub fn is_up(&self, zone: &'static str) -> bool {
        self.up.get_or_create(&ZoneLabel { zone }).get() == 1
    }

    /// Calls that a zone failed for `reason`.
    pub fn failures(&self, zone: &'static str, reason: &'static str) -> u64 {
        self.failures.get_or_create(&ZoneReason { zone, reason }).get()
    }
}
