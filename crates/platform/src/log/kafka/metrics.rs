//! What the adapter counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::{Metrics, Name, ReasonLabel};

/// Counters of one process. Clones share them.
#[derive(Clone)]
pub(super) struct KafkaMetrics {
    /// 1 while a broker answers.
    pub(super) up: Gauge,
    relayed: Family<Name, Counter>,
    copied: Family<Name, Counter>,
    gaps: Family<Name, Counter>,
    faults: Family<ReasonLabel, Counter>,
}

impl KafkaMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            up: metrics.register("kafka_up", "1 while a broker of Kafka answers", Gauge::default()),
            relayed: metrics.register("events_relayed", "Events carried to Kafka, by service", Family::default()),
            copied: metrics.register(
                "dead_letters_copied",
                "Dead letters copied to Kafka, by service",
                Family::default(),
            ),
            gaps: metrics.register(
                "events_gaps",
                "Messages whose predecessor had not come, so that the outbox was read instead, by consumer",
                Family::default(),
            ),
            faults: metrics.register(
                "kafka_faults",
                "What brokers and the client reported, by kind",
                Family::default(),
            ),
        }
    }

    pub(super) fn relayed(&self, service: &'static str, events: usize) {
        self.relayed.get_or_create(&Name { name: service }).inc_by(events as u64);
    }

    pub(super) fn copied(&self, service: &'static str, letters: usize) {
        self.copied.get_or_create(&Name { name: service }).inc_by(letters as u64);
    }

    pub(super) fn gap(&self, consumer: &'static str) {
        self.gaps.get_or_create(&Name { name: consumer }).inc();
    }

    pub(super) fn fault(&self, reason: &'static str) {
        self.faults.get_or_create(&ReasonLabel { reason }).inc();
    }
}
