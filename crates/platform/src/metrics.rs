//! Numbers for dashboards, in a registry of our own at `/metrics` (OpenMetrics text). Labels have few values: the names
//! in [`LABELS`] are all there are, and a test renders everything and compares. No tenant, no record, no person is ever
//! a label: series would live on after what they name, and numbers must not tell who talks to whom.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

/// Every label name that may appear, besides the histogram's `le`.
pub const LABELS: [&str; 8] = ["group", "method", "name", "outcome", "reason", "service", "status", "zone"];

/// Requests of one group of methods, by how they ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The route's template or the gRPC method: from our own code, never from the request.
    pub group: String,
    /// The method; `OTHER` for one we do not know.
    pub method: &'static str,
    /// The HTTP status' class (`2xx`), or the gRPC code's name.
    pub status: &'static str,
}

/// The group alone, for durations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Group {
    /// As in [`Request`].
    pub group: String,
}

/// Something with a name of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Name {
    /// A constant of the code.
    pub name: &'static str,
}

/// Something with a name of ours, by how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct NameOutcome {
    /// A constant of the code.
    pub name: &'static str,
    /// `ok` or `error`.
    pub outcome: &'static str,
}

/// What was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    /// A code of the problem table.
    pub reason: &'static str,
}

/// The metrics of a process: the common ones below, and what services register.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    request_seconds: Family<Group, Histogram, fn() -> Histogram>,
    calls: Family<Request, Counter>,
    call_seconds: Family<Group, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    problems: Family<ReasonLabel, Counter>,
    connections: Gauge,
    tx: Family<NameOutcome, Counter>,
    tx_retries: Family<Name, Counter>,
    tx_seconds: Family<Name, Histogram, fn() -> Histogram>,
    worker_runs: Family<NameOutcome, Counter>,
    worker_items: Family<Name, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// The common metrics, all at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("siegel");
        Self {
            requests: register(&mut registry, "requests", "Requests by method group", Family::default()),
            request_seconds: register_seconds(
                &mut registry,
                "request_duration",
                "Time from the request's head to the response's head",
                Family::new_with_constructor(seconds as fn() -> Histogram),
            ),
            calls: register(&mut registry, "calls", "Calls between services by gRPC method", Family::default()),
            call_seconds: register_seconds(
                &mut registry,
                "call_duration",
                "Time from a call between services to the head of its answer",
                Family::new_with_constructor(seconds as fn() -> Histogram),
            ),
            in_flight: register(&mut registry, "requests_in_flight", "Requests being answered", Gauge::default()),
            problems: register(&mut registry, "problems", "Problems answered, by reason", Family::default()),
            connections: register(&mut registry, "connections", "Open connections", Gauge::default()),
            tx: register(&mut registry, "db_transactions", "Write transactions by name", Family::default()),
            tx_retries: register(&mut registry, "db_retries", "Transactions run again, by name", Family::default()),
            tx_seconds: register_seconds(
                &mut registry,
                "db_transaction_duration",
                "Write transactions, waiting and retries included",
                Family::new_with_constructor(seconds as fn() -> Histogram),
            ),
            worker_runs: register(&mut registry, "worker_runs", "Runs of workers", Family::default()),
            worker_items: register(&mut registry, "worker_items", "Things that workers did", Family::default()),
            registry: Mutex::new(registry),
        }
    }

    /// Adds a metric of a service. `name` gets the prefix `siegel_`; label names come from [`LABELS`].
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        register(&mut self.lock(), name, help, metric)
    }

    /// Adds what is reckoned when somebody asks.
    pub(crate) fn collect(&self, collector: impl Collector) {
        self.lock().register_collector(Box::new(collector));
    }

    /// Everything, as OpenMetrics text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.lock()).expect("writing to a String does not fail");
        text
    }

    /// Open connections.
    pub fn connections(&self) -> &Gauge {
        &self.connections
    }

    /// A request has begun; the guard ends it.
    pub fn request_began(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request was answered after `ms` milliseconds.
    pub fn request_ended(&self, request: Request, ms: i64) {
        self.request_seconds.get_or_create(&Group { group: request.group.clone() }).observe(as_seconds(ms));
        self.requests.get_or_create(&request).inc();
    }

    /// A call of another service was answered after `ms` milliseconds.
    pub fn call_ended(&self, request: Request, ms: i64) {
        self.call_seconds.get_or_create(&Group { group: request.group.clone() }).observe(as_seconds(ms));
        self.calls.get_or_create(&request).inc();
    }

    /// A problem was answered.
    pub fn problem(&self, reason: &'static str) {
        self.problems.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn tx_ended(&self, name: &'static str, ok: bool, ms: i64) {
        self.tx.get_or_create(&NameOutcome { name, outcome: outcome(ok) }).inc();
        self.tx_seconds.get_or_create(&Name { name }).observe(as_seconds(ms));
        drop(self.tx_retries.get_or_create(&Name { name })); // none yet is a number, too
    }

    pub(crate) fn tx_retried(&self, name: &'static str) {
        self.tx_retries.get_or_create(&Name { name }).inc();
    }

    pub(crate) fn worker_ran(&self, name: &'static str, items: Option<u64>) {
        self.worker_runs.get_or_create(&NameOutcome { name, outcome: outcome(items.is_some()) }).inc();
        self.worker_items.get_or_create(&Name { name }).inc_by(items.unwrap_or(0));
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request as being answered until dropped.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The label value of an outcome.
pub fn outcome(ok: bool) -> &'static str {
    if ok { "ok" } else { "error" }
}

/// Buckets from a cache hit (0.5 ms) to a patient client (30 s).
pub fn seconds() -> Histogram {
    Histogram::new([0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

fn as_seconds(ms: i64) -> f64 {
    // Exact: a duration in milliseconds is far below 2⁵³.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let ms = ms as f64;
    ms / 1_000.0
}

fn register<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn register_seconds<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}
