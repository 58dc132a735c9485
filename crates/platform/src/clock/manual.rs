//! A clock that tests move by hand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use siegel_domain::Timestamp;
use tokio::sync::{oneshot, watch};

use super::Clock;

/// Stands still until told to move. Clones share the same time.
#[derive(Clone)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
    sleepers: Arc<watch::Sender<usize>>,
}

struct State {
    wall: Timestamp,
    monotonic_ms: i64,
    sleepers: Vec<Sleeper>,
}

struct Sleeper {
    due_ms: i64,
    wake: oneshot::Sender<()>,
}

impl ManualClock {
    /// A clock that shows `now`, with a monotonic reading of zero.
    pub fn new(now: Timestamp) -> Self {
        let state = State { wall: now, monotonic_ms: 0, sleepers: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), sleepers: Arc::new(watch::Sender::new(0)) }
    }

    /// Lets `ms` milliseconds pass: both clocks move and sleepers that are due wake.
    pub fn advance_ms(&self, ms: i64) {
        let mut state = self.lock();
        state.wall = state.wall.plus_ms(ms);
        state.monotonic_ms = state.monotonic_ms.saturating_add(ms);
        let now = state.monotonic_ms;
        for sleeper in state.sleepers.extract_if(.., |sleeper| sleeper.due_ms <= now) {
            let _ = sleeper.wake.send(()); // its future may be gone
        }
        self.publish(&mut state);
    }

    /// Moves the wall clock alone, as a wrong NTP server or an administrator would.
    pub fn jump_wall_ms(&self, ms: i64) {
        let mut state = self.lock();
        state.wall = state.wall.plus_ms(ms);
    }

    /// Completes once at least `count` futures are asleep on this clock, so that a test moves time only after
    /// whatever it tests has begun to wait.
    pub async fn sleeping(&self, count: usize) {
        let mut seen = self.sleepers.subscribe();
        // The sender lives in self, so waiting can't fail while we borrow self.
        let _ = seen.wait_for(|sleepers| *sleepers >= count).await;
    }

    fn publish(&self, state: &mut State) {
        state.sleepers.retain(|sleeper| !sleeper.wake.is_closed());
        self.sleepers.send_replace(state.sleepers.len());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().wall
    }

    fn monotonic_ms(&self) -> i64 {
        self.lock().monotonic_ms
    }

    fn sleep(&self, ms: i64) -> BoxFuture<'static, ()> {
        if ms <= 0 {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        let mut state = self.lock();
        let due_ms = state.monotonic_ms.saturating_add(ms);
        state.sleepers.push(Sleeper { due_ms, wake });
        self.publish(&mut state);
        drop(state);
        Box::pin(async move {
            // An error means that the clock itself is gone: then nothing will ever move again.
            if woken.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_passed_and_not_before() {
        let clock = ManualClock::new(Timestamp(1_000));
        let mut early = clock.sleep(10);
        let late = clock.sleep(20);
        clock.sleeping(2).await;
        clock.advance_ms(9);
        assert!(futures::poll!(&mut early).is_pending());
        clock.advance_ms(1);
        early.await;
        clock.jump_wall_ms(3_600_000);
        assert_eq!((clock.now(), clock.monotonic_ms()), (Timestamp(3_601_010), 10));
        clock.advance_ms(10);
        late.await;
    }
}
