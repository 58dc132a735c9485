//! What one institution has used of its share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bucket::Bucket;
use super::config::Quota;

/// Why somebody has to wait. The words are the metric's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    /// Too many requests for now.
    Requests { wait_ms: i64 },
    /// Too many bytes for now.
    Bytes { wait_ms: i64 },
    /// Too many requests that are not answered yet.
    InFlight,
    /// Too many uploads that are not committed yet.
    Records,
}

impl Used {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Requests { .. } => "requests",
            Self::Bytes { .. } => "bytes",
            Self::InFlight => "requests-in-flight",
            Self::Records => "records-in-flight",
        }
    }
}

/// An account; new ones have used nothing.
#[derive(Debug, Default)]
pub(super) struct Account(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: Bucket,
    bytes: Bucket,
    in_flight: u64,
    /// As it was at the last request.
    quota: Quota,
}

impl Account {
    /// A request comes in whose body says to have `announced` bytes. One that is refused costs nothing.
    pub(super) fn enter(&self, quota: Quota, announced: u64, now_ms: i64) -> Result<(), Used> {
        let mut state = self.lock();
        state.quota = quota;
        state.fill(now_ms);
        if state.in_flight >= quota.requests_in_flight {
            return Err(Used::InFlight);
        }
        if let Some(wait_ms) = state.requests.wait_ms(quota.requests()) {
            return Err(Used::Requests { wait_ms });
        }
        if let Some(wait_ms) = state.bytes.wait_ms(quota.bytes()) {
            return Err(Used::Bytes { wait_ms });
        }
        state.requests.take(1);
        state.bytes.take(announced);
        state.in_flight += 1;
        Ok(())
    }

    /// Its answer is on its way.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
    }

    /// Bytes came or went.
    pub(super) fn spend(&self, bytes: u64) {
        self.lock().bytes.take(bytes);
    }

    /// Bytes that were announced neither came nor went.
    pub(super) fn give_back(&self, bytes: u64) {
        self.lock().bytes.give_back(bytes);
    }

    /// Whether a new account would be the same.
    pub(super) fn rests(&self, now_ms: i64) -> bool {
        let mut state = self.lock();
        state.fill(now_ms);
        state.in_flight == 0 && state.requests.is_full() && state.bytes.is_full()
    }

    #[cfg(test)]
    pub(super) fn bytes_used(&self) -> i64 {
        self.lock().bytes.missing()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fill(&mut self, now_ms: i64) {
        let (requests, bytes) = (self.quota.requests(), self.quota.bytes());
        self.requests.fill(requests, now_ms);
        self.bytes.fill(bytes, now_ms);
    }
}
