//! A breaker: after a few failures in a row the zone is not asked any more, so that callers lose no time and the zone gets
//! room to recover. Then one caller at a time tries; the first success closes the breaker.

use std::sync::{Mutex, PoisonError};

/// Failures in a row that open it.
const FAILURES: u32 = 3;
/// How long nobody asks after the last failure.
const REST_MS: i64 = 5_000;
/// A caller that tries and never comes back is forgotten after this.
const TRIAL_MS: i64 = 30_000;

/// Opens after failures, closes after a success. Time is handed in, monotonic milliseconds.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    failures: u32,
    last_failure_ms: i64,
    trial_since_ms: Option<i64>,
}

/// What a report changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It opened.
    Opened,
    /// It closed.
    Closed,
    /// Nothing.
    None,
}

impl Breaker {
    /// Whether the zone may be asked now. An open breaker lets one caller through after its rest.
    pub(super) fn admits(&self, now_ms: i64) -> bool {
        let mut state = self.lock();
        if state.failures < FAILURES {
            return true;
        }
        if now_ms - state.last_failure_ms < REST_MS
            || state.trial_since_ms.is_some_and(|since| now_ms - since < TRIAL_MS)
        {
            return false;
        }
        state.trial_since_ms = Some(now_ms);
        true
    }

    /// Whether [`Breaker::admits`] would let a caller through, without being that caller.
    pub(super) fn would_admit(&self, now_ms: i64) -> bool {
        let state = self.lock();
        state.failures < FAILURES
            || (now_ms - state.last_failure_ms >= REST_MS
                && state.trial_since_ms.is_none_or(|since| now_ms - since >= TRIAL_MS))
    }

    /// Whether it is open, without asking to be let through.
    pub(super) fn is_open(&self) -> bool {
        self.lock().failures >= FAILURES
    }

    /// The zone answered.
    pub(super) fn succeeded(&self) -> Change {
        let mut state = self.lock();
        let was_open = state.failures >= FAILURES;
        *state = State::default();
        if was_open { Change::Closed } else { Change::None }
    }

    /// The zone failed, or was too slow.
    pub(super) fn failed(&self, now_ms: i64) -> Change {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        state.last_failure_ms = now_ms;
        state.trial_since_ms = None;
        if state.failures == FAILURES { Change::Opened } else { Change::None }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_try_after_a_rest() {
        let breaker = Breaker::default();
        assert_eq!(breaker.failed(0), Change::None);
        assert_eq!(breaker.failed(0), Change::None);
        assert_eq!(breaker.succeeded(), Change::None); // not in a row
        for expected in [Change::None, Change::None, Change::Opened, Change::None] {
            assert!(breaker.admits(0) || breaker.is_open());
            assert_eq!(breaker.failed(0), expected);
        }
        assert!(!breaker.admits(REST_MS - 1));
        assert!(breaker.would_admit(REST_MS) && breaker.admits(REST_MS), "one may try");
        assert!(!breaker.would_admit(REST_MS) && !breaker.admits(REST_MS), "only one");
        assert_eq!(breaker.failed(REST_MS), Change::None);
        assert!(!breaker.admits(2 * REST_MS - 1));
        assert!(breaker.admits(2 * REST_MS));
        assert!(breaker.admits(2 * REST_MS + TRIAL_MS), "who never came back is forgotten");
        assert_eq!(breaker.succeeded(), Change::Closed);
        assert!(breaker.admits(2 * REST_MS) && breaker.admits(2 * REST_MS));
    }
}
