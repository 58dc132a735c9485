//! Time is handed in. Everything that waits, expires or stamps takes a [`Clock`], so that "after one year" is a test
//! of milliseconds and a failing seed repeats (RECIPES "Domain and state"). The system's clocks are read in this file
//! and nowhere else; [`guard`] decides whether its wall clock may be believed for deleting things.

pub mod guard;
mod manual;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use siegel_domain::Timestamp;

pub use guard::{ClockGuard, ClockGuardError, ClockState};
pub use manual::ManualClock;

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, UTC. May jump; ask [`ClockGuard`] before anything is deleted by it.
    fn now(&self) -> Timestamp;

    /// Milliseconds since an arbitrary start of this process; never goes back.
    fn monotonic_ms(&self) -> i64;

    /// Completes after `ms` milliseconds of monotonic time; at once for zero or less.
    fn sleep(&self, ms: i64) -> BoxFuture<'static, ()>;
}

/// A clock that is shared by everything in a process.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading starts at zero now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// The same, ready to be shared.
    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Timestamp {
        // A clock set before 1970 reads as negative time, which the guard then calls a backward jump.
        Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => millis(after),
            Err(before) => -millis(before.duration()),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn monotonic_ms(&self) -> i64 {
        millis(self.started.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that waits on the system clock")]
    fn sleep(&self, ms: i64) -> BoxFuture<'static, ()> {
        match u64::try_from(ms) {
            Ok(ms) if ms > 0 => Box::pin(tokio::time::sleep(Duration::from_millis(ms))),
            _ => Box::pin(std::future::ready(())),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The value of `future`, or `None` when `ms` milliseconds of `clock` pass first.
pub async fn within<F: Future>(clock: &dyn Clock, ms: i64, future: F) -> Option<F::Output> {
    let limit = clock.sleep(ms);
    tokio::select! {
        biased;
        value = future => Some(value),
        () = limit => None,
    }
}
