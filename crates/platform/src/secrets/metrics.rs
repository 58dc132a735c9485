//! Whether the secrets can be had. The same numbers for every adapter, so that dashboards and alerts need to know of none.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::Metrics;

/// How the places where secrets lie can be.
pub(super) const STATUSES: [&str; 3] = ["open", "sealed", "away"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: &'static str,
}

/// How the store of secrets does. Clones share the numbers.
#[derive(Debug, Clone)]
pub struct SecretsMetrics {
    up: Gauge,
    nodes: Family<Status, Gauge>,
}

impl SecretsMetrics {
    /// Registers them; once a process.
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            up: metrics.register("secrets_up", "1 while the store of secrets answers", Gauge::default()),
            nodes: metrics.register(
                "secrets_nodes",
                "Nodes of the store of secrets by how they are: open, sealed, away",
                Family::default(),
            ),
        }
    }

    /// A file has been opened: it is there for as long as the process is.
    pub(crate) fn one_that_is_open(&self) {
        self.up(true);
        self.nodes(&["open"]);
    }

    pub(super) fn up(&self, up: bool) {
        self.up.set(i64::from(up));
    }

    /// How each node was, when all were looked at.
    pub(super) fn nodes(&self, seen: &[&'static str]) {
        for status in STATUSES {
            let count = seen.iter().filter(|one| **one == status).count();
            self.nodes.get_or_create(&Status { status }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
