//! One budget of bytes for the whole process. Whoever is going to hold a part in memory takes its size first; beyond the
//! budget a request is told to come back, so that a hundred uploads at once are slow and never an out-of-memory kill
//! (GOALS G8). What strangers send counts against a [`Share`] too: whoever sends slowly holds bytes for long, and may not
//! hold all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus_client::metrics::gauge::Gauge;
use siegel_domain::limits::PART_SEALED_BYTES;
use siegel_domain::{Principal, TenantId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::{SharedClock, within};
use crate::metrics::Metrics;
use crate::problem::{Problem, Reason};

/// Bytes of one unit; a semaphore counts units in 32 bits.
const UNIT: u64 = 1024;

/// What one upload needs to go on without a pause, two parts; no share is smaller.
const LEAST_SHARE: u64 = 2 * (PART_SEALED_BYTES as u64).div_ceil(UNIT) * UNIT;

/// The bytes that may be held at once. Clones share it.
#[derive(Clone)]
pub struct ByteBudget {
    units: Arc<Semaphore>,
    total_bytes: u64,
    shares: Arc<Mutex<HashMap<Share, Weak<Semaphore>>>>,
    held: Gauge,
    clock: SharedClock,
}

/// A part of the budget that nobody goes beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Share {
    /// A quarter: what one member or sender sends.
    Principal(TenantId, Principal),
    /// Half: what one institution sends.
    Tenant(TenantId),
    /// Three quarters: all parts that come in. The rest is for commits, downloads and repair.
    Parts,
}

/// Bytes that are held until this is dropped.
pub struct Held {
    _permits: Vec<OwnedSemaphorePermit>,
    bytes: i64,
    gauge: Gauge,
}

impl ByteBudget {
    /// A budget of `total_bytes`.
    pub fn new(total_bytes: u64, clock: SharedClock, metrics: &Metrics) -> Self {
        let units = usize::try_from(total_bytes / UNIT).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        let held = metrics.register("budget_held_bytes", "Bytes of requests held in memory", Gauge::default());
        Self { units: Arc::new(Semaphore::new(units)), total_bytes, shares: Arc::default(), held, clock }
    }

    /// Takes `bytes`, waiting at most `wait_ms` for others to give theirs back: 503 `over-capacity` otherwise.
    pub async fn take(&self, bytes: u64, wait_ms: i64) -> Result<Held, Problem> {
        self.take_of(&[], bytes, wait_ms).await
    }

    /// Takes `bytes` that count against `shares` too, the narrowest first: who waits for their own holds up nobody else. 429
    /// `rate-limited` if a principal's or a tenant's share is used up, 503 `over-capacity` if the platform is busy.
    pub async fn take_of(&self, shares: &[Share], bytes: u64, wait_ms: i64) -> Result<Held, Problem> {
        let least = shares.iter().map(|share| share.bytes(self.total_bytes)).min().unwrap_or(self.total_bytes);
        let units = match u32::try_from(bytes.div_ceil(UNIT)) {
            Ok(units) if bytes <= least => units,
            _ => return Err(Reason::TooLarge.into()),
        };
        let until_ms = self.clock.monotonic_ms() + wait_ms;
        let mut permits = Vec::with_capacity(shares.len() + 1);
        let all = shares.iter().map(|&share| (self.share(share), share.used_up()));
        for (of, reason) in all.chain([(self.units.clone(), Reason::OverCapacity)]) {
            let over = || Problem::new(reason).retry_after_s(1);
            let left_ms = until_ms - self.clock.monotonic_ms();
            let taken = within(&*self.clock, left_ms, of.acquire_many_owned(units)).await;
            permits.push(taken.ok_or_else(over)?.map_err(|_| over())?);
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.held.inc_by(bytes);
        Ok(Held { _permits: permits, bytes, gauge: self.held.clone() })
    }

    /// The share's own budget, which lives as long as somebody holds a byte of it or waits for one.
    fn share(&self, share: Share) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shares.get(&share).and_then(Weak::upgrade) {
            return known;
        }
        shares.retain(|_, known| known.strong_count() > 0);
        let units = usize::try_from(share.bytes(self.total_bytes) / UNIT).unwrap_or(Semaphore::MAX_PERMITS);
        let new = Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)));
        shares.insert(share, Arc::downgrade(&new));
        new
    }

    /// Bytes that are held now.
    pub fn held_bytes(&self) -> i64 {
        self.held.get()
    }
}

impl Share {
    fn bytes(self, total_bytes: u64) -> u64 {
        let quarters = match self {
            Self::Principal(..) => 1,
            Self::Tenant(_) => 2,
            Self::Parts => 3,
        };
        (total_bytes / 4 * quarters).max(LEAST_SHARE).min(total_bytes)
    }

    const fn used_up(self) -> Reason {
        match self {
            Self::Principal(..) | Self::Tenant(_) => Reason::RateLimited,
            Self::Parts => Reason::OverCapacity,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.dec_by(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use siegel_domain::{SenderId, Timestamp};

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

    #[tokio::test]
    async fn nobody_goes_beyond_their_share_and_something_is_left_for_what_is_no_part() {
        let clock = ManualClock::new(Timestamp(0));
        let total = 16 * LEAST_SHARE;
        let budget = ByteBudget::new(total, Arc::new(clock), &Metrics::new());
        let tenants = [1, 2, 3].map(|byte| TenantId::from_bytes([byte; 16]));
        let sender = |byte| Principal::Sender(SenderId::from_bytes([byte; 16]));
        let take = async |tenant: usize, byte, bytes| {
            let tenant = tenants[tenant];
            let shares = [Share::Principal(tenant, sender(byte)), Share::Tenant(tenant), Share::Parts];
            budget.take_of(&shares, bytes, 0).await.map_err(|problem| problem.reason())
        };
        let quarter = total / 4;
        let first = take(0, 1, quarter).await.unwrap();
        assert_eq!(take(0, 1, UNIT).await.err(), Some(Reason::RateLimited), "a sender has a quarter");
        let _second = take(0, 2, quarter).await.unwrap();
        assert_eq!(take(0, 3, UNIT).await.err(), Some(Reason::RateLimited), "an institution has half");
        let _third = take(1, 1, quarter).await.unwrap();
        assert_eq!(take(2, 1, UNIT).await.err(), Some(Reason::OverCapacity), "parts have three quarters");
        let _rest = budget.take(quarter, 0).await.unwrap();
        drop(first);
        take(0, 1, quarter).await.unwrap();
        assert_eq!(take(0, 1, quarter + 1).await.err(), Some(Reason::TooLarge), "more than there will ever be");
        assert!(budget.shares.lock().unwrap().len() <= 6, "shares that nobody holds are forgotten");
    }

    #[test]
    fn a_small_budget_still_lets_an_upload_go_on() {
        assert_eq!(Share::Parts.bytes(LEAST_SHARE + UNIT), LEAST_SHARE);
        assert_eq!(Share::Tenant(TenantId::from_bytes([1; 16])).bytes(UNIT), UNIT);
    }
}
