//! How long events lie unread: for every reader of the outboxes the age of the oldest event it has not dealt with, at
//! `/metrics`. It is reckoned when somebody asks, so a reader that hangs grows old on the dashboard and does not stand still.
//!
//! A reader says what it [`heard`](Unread::heard) of and what it is [`through`](Unread::through) with; nothing is looked up,
//! and a thousand tenants at rest cost nothing. What was waiting before this process began counts from its first look, and
//! by its own time as soon as it has been read once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use siegel_domain::{TenantId, Timestamp};

use crate::clock::SharedClock;
use crate::metrics::{Metrics, Name};

/// A service's outbox of one tenant.
type Place = (&'static str, TenantId);

/// What one reader has before it. Clones are the same one.
#[derive(Clone)]
pub struct Unread {
    clock: SharedClock,
    /// Since when, in monotonic milliseconds: a wall clock that is put right makes nothing old.
    since: Arc<Mutex<BTreeMap<Place, i64>>>,
}

impl Unread {
    /// Nothing yet.
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, since: Arc::default() }
    }

    /// There is something to read in these, now if not before.
    pub fn heard<'a>(&self, places: impl IntoIterator<Item = &'a Place>) {
        let now_ms = self.clock.monotonic_ms();
        let mut since = self.lock();
        for place in places {
            since.entry(*place).or_insert(now_ms);
        }
    }

    /// The first event that waits there is of this time.
    pub fn first(&self, source: &'static str, tenant: TenantId, time: Timestamp) {
        let age_ms = self.clock.now().ms_since(time).max(0);
        self.lock().insert((source, tenant), self.clock.monotonic_ms() - age_ms);
    }

    /// Nothing waits there.
    pub fn through(&self, source: &'static str, tenant: TenantId) {
        self.lock().remove(&(source, tenant));
    }

    /// The age of what waits longest, in milliseconds; zero if nothing does.
    pub fn age_ms(&self) -> i64 {
        let oldest = self.lock().values().min().copied();
        oldest.map_or(0, |since_ms| self.clock.monotonic_ms() - since_ms)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, i64>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unread")
    }
}

/// The readers of a process, as `/metrics` shows them.
#[derive(Debug, Clone, Default)]
pub struct Backlog(Arc<Mutex<Vec<(&'static str, Unread)>>>);

impl Backlog {
    /// Registers it; once a process.
    pub fn new(metrics: &Metrics) -> Self {
        let new = Self::default();
        metrics.collect(new.clone());
        new
    }

    /// Shows a reader under its name, which is a constant.
    pub fn show(&self, name: &'static str, unread: Unread) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, unread));
    }
}

impl Collector for Backlog {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.is_empty() {
            return Ok(());
        }
        let help = "Age of the oldest event that a reader of the outboxes has not dealt with, 0 if there is none";
        let mut family = encoder.encode_descriptor("outbox_oldest_unread_seconds", help, None, MetricType::Gauge)?;
        for (name, unread) in readers.iter() {
            ConstGauge::new(unread.age_ms() / 1_000).encode(family.encode_family(&Name { name })?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn what_waits_longest_counts_by_its_own_time_until_it_is_dealt_with() {
        let clock = ManualClock::new(Timestamp(1_000_000));
        let metrics = Metrics::new();
        let unread = Unread::new(Arc::new(clock.clone()));
        Backlog::new(&metrics).show("a.reader", unread.clone());
        let shown = || {
            let text = metrics.render();
            let line = text.lines().find(|line| line.starts_with("siegel_outbox_oldest_unread_seconds{")).unwrap();
            line.strip_prefix("siegel_outbox_oldest_unread_seconds{name=\"a.reader\"} ").unwrap().to_owned()
        };
        let (one, other) = (TenantId::from_bytes([1; 16]), TenantId::from_bytes([2; 16]));
        assert_eq!(shown(), "0");
        unread.heard(&[("upload", one)]);
        clock.advance_ms(10_000);
        unread.heard(&[("upload", one), ("upload", other)]);
        clock.advance_ms(1_000);
        assert_eq!(shown(), "11", "hearing of it again makes it no younger");
        clock.jump_wall_ms(86_400_000);
        assert_eq!(shown(), "11", "nor does a clock that is put right make it older");
        clock.jump_wall_ms(-86_400_000);
        unread.through("upload", one);
        assert_eq!(shown(), "1");
        unread.first("upload", other, Timestamp(1_000_000 - 60_000));
        assert_eq!(shown(), "71", "written a minute before this process began");
        unread.through("upload", other);
        assert_eq!(shown(), "0");
    }
}
