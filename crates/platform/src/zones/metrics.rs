//! Numbers of the zones.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::Metrics;

/// What is counted against a zone: words of `ZoneError`, and calls that succeeded too late.
const REASONS: [&str; 5] = ["failed", "full", "late", "refused", "slow"];

/// How the zones do. Clones share the numbers.
#[derive(Debug, Clone, Default)]
pub struct ZoneMetrics {
    up: Family<ZoneLabel, Gauge>,
    cut: Family<ZoneName, Gauge>,
    answers: Family<ZoneLabel, Gauge>,
    failures: Family<ZoneReason, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ZoneLabel {
    zone: &'static str,
}

/// A zone, and one of the two things that are done to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ZoneName {
    zone: &'static str,
    name: &'static str,
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
            cut: metrics.register(
                "zone_cut",
                "1 while a zone's breaker for reading or writing is open: nobody asks it",
                Family::default(),
            ),
            answers: metrics.register(
                "zone_answers",
                "1 if a zone was there when it was last looked at, whether anybody uses it or not",
                Family::default(),
            ),
            failures: metrics.register("zone_failures", "Calls that a zone failed, by reason", Family::default()),
        }
    }

    /// A zone that is thought to be well until it is asked. Every number of it is there from the beginning: a rise from
    /// nothing is none to Prometheus.
    pub(super) fn begin(&self, zone: &'static str) {
        self.breakers(zone, false, false);
        self.looked(zone, true);
        for reason in REASONS {
            drop(self.failures.get_or_create(&ZoneReason { zone, reason }));
        }
    }

    pub(super) fn breakers(&self, zone: &'static str, writing_cut: bool, reading_cut: bool) {
        for (name, cut) in [("writing", writing_cut), ("reading", reading_cut)] {
            self.cut.get_or_create(&ZoneName { zone, name }).set(i64::from(cut));
        }
        self.up.get_or_create(&ZoneLabel { zone }).set(i64::from(!writing_cut && !reading_cut));
    }

    pub(super) fn looked(&self, zone: &'static str, answers: bool) {
        self.answers.get_or_create(&ZoneLabel { zone }).set(i64::from(answers));
    }

    pub(super) fn failure(&self, zone: &'static str, reason: &'static str) {
        self.failures.get_or_create(&ZoneReason { zone, reason }).inc();
    }

    /// Whether a zone was there when it was last looked at.
    pub fn answers(&self, zone: &'static str) -> bool {
        self.answers.get_or_create(&ZoneLabel { zone }).get() == 1
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
