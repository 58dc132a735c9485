//! What the adapter counts beside what every adapter shows.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::super::SecretsMetrics;
use crate::metrics::{Metrics, NameOutcome, ReasonLabel, outcome};

/// Counters and gauges of one session.
pub(super) struct VaultMetrics {
    pub(super) store: SecretsMetrics,
    pub(super) token_age_seconds: Gauge,
    pub(super) signed_in: Counter,
    renewals: Family<NameOutcome, Counter>,
    failures: Family<ReasonLabel, Counter>,
}

impl VaultMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            store: SecretsMetrics::new(metrics),
            token_age_seconds: metrics.register(
                "secrets_token_age_seconds",
                "Since the token of the store of secrets was given or renewed",
                Gauge::default(),
            ),
            signed_in: metrics.register("secrets_sign_ins", "Sign-ins at the store of secrets", Counter::default()),
            renewals: metrics.register(
                "secrets_renewals",
                "Renewals of the token, by how they ended",
                Family::default(),
            ),
            failures: metrics.register("secrets_failures", "Calls that failed, by why", Family::default()),
        }
    }

    pub(super) fn renewed(&self, ok: bool) {
        self.renewals.get_or_create(&NameOutcome { name: "token", outcome: outcome(ok) }).inc();
    }

    pub(super) fn failed(&self, reason: &'static str) {
        self.failures.get_or_create(&ReasonLabel { reason }).inc();
    }
}
