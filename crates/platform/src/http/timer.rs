//! Hyper's timers, on our clock: a test of a slow client moves the clock instead of waiting.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hyper::rt::{Sleep, Timer};

use crate::clock::SharedClock;

/// A [`Timer`] over a [`crate::clock::Clock`].
#[derive(Clone)]
pub(super) struct ClockTimer {
    clock: SharedClock,
    base: Instant,
    base_ms: i64,
}

impl ClockTimer {
    #[expect(clippy::disallowed_methods, reason = "hyper counts in Instants; this one only anchors ours")]
    pub(super) fn new(clock: SharedClock) -> Self {
        let base_ms = clock.monotonic_ms();
        Self { clock, base: Instant::now(), base_ms }
    }
}

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Box::pin(ClockSleep(Mutex::new(self.clock.sleep(ms))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        let passed_ms = self.clock.monotonic_ms().saturating_sub(self.base_ms);
        self.base + Duration::from_millis(u64::try_from(passed_ms).unwrap_or(0))
    }
}

/// The mutex is never contended: it makes the future `Sync`, which hyper asks for.
struct ClockSleep(Mutex<BoxFuture<'static, ()>>);

impl Future for ClockSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

impl Sleep for ClockSleep {}
