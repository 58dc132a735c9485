//! One budget of bytes for the whole process. Whoever is going to hold a part in memory takes its size first; beyond the
//! budget a request is told to come back, so that a hundred uploads at once are slow and never an out-of-memory kill
//! (GOALS G8).

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::{SharedClock, within};
use crate::metrics::Metrics;
use crate::problem::{Problem, Reason};

/// Bytes of one unit; a semaphore counts units in 32 bits.
const UNIT: u64 = 1024;

/// The bytes that may be held at once. Clones share it.
#[derive(Clone)]
pub struct ByteBudget {
    units: Arc<Semaphore>,
    total_bytes: u64,
    held: Gauge,
    clock: SharedClock,
}

/// Bytes that are held until this is dropped.
pub struct Held {
    _permit: OwnedSemaphorePermit,
    bytes: i64,
    gauge: Gauge,
}

impl ByteBudget {
    /// A budget of `total_bytes`.
    pub fn new(total_bytes: u64, clock: SharedClock, metrics: &Metrics) -> Self {
        let units = usize::try_from(total_bytes / UNIT).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        let held = metrics.register("budget_held_bytes", "Bytes of requests held in memory", Gauge::default());
        Self { units: Arc::new(Semaphore::new(units)), total_bytes, held, clock }
    }

    /// Takes `bytes`, waiting at most `wait_ms` for others to give theirs back: 503 `over-capacity` otherwise.
    pub async fn take(&self, bytes: u64, wait_ms: i64) -> Result<Held, Problem> {
        if bytes > self.total_bytes {
            return Err(Reason::TooLarge.into());
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).map_err(|_| Problem::new(Reason::TooLarge))?;
        let over = || Problem::new(Reason::OverCapacity).retry_after_s(1);
        let taken = within(&*self.clock, wait_ms, self.units.clone().acquire_many_owned(units)).await;
        let permit = taken.ok_or_else(over)?.map_err(|_| over())?;
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.held.inc_by(bytes);
        Ok(Held { _permit: permit, bytes, gauge: self.held.clone() })
    }

    /// Bytes that are held now.
    pub fn held_bytes(&self) -> i64 {
        self.held.get()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.dec_by(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use siegel_domain::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn beyond_the_budget_one_waits_and_is_then_sent_away() {
        let clock = ManualClock::new(Timestamp(0));
        let budget = ByteBudget::new(10 * UNIT, Arc::new(clock.clone()), &Metrics::new());
        let first = budget.take(6 * UNIT, 0).await.unwrap();
        assert_eq!(budget.take(5 * UNIT, 0).await.err().unwrap().reason(), Reason::OverCapacity);
        assert_eq!(budget.take(11 * UNIT, 0).await.err().unwrap().reason(), Reason::TooLarge);

        let mut waiting = Box::pin(budget.take(5 * UNIT, 100));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(first);
        let second = waiting.await.unwrap();
        assert_eq!(budget.held_bytes(), 5 * 1024);

        let mut late = Box::pin(budget.take(6 * UNIT, 100));
        assert!(futures::poll!(&mut late).is_pending());
        clock.advance_ms(100);
        assert_eq!(late.await.err().unwrap().reason(), Reason::OverCapacity);
        drop(second);
        assert_eq!(budget.held_bytes(), 0);
    }
}
