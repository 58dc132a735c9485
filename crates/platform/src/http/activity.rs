//! What goes on on a connection: which answers are on their way, whether the client takes them, since when there was
//! nothing to do.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::limits::{LOOK_MS, STALLED_BYTES};
use crate::clock::SharedClock;

/// What a look at a connection finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Leave it.
    Fine,
    /// No request for long.
    Idle,
    /// An answer waits and the client takes nothing of it.
    Stalled,
}

/// What goes on on a connection.
pub(super) struct Activity {
    clock: SharedClock,
    pub(super) written: Arc<AtomicU64>,
    /// Bytes written at the last three looks, the oldest first.
    seen: Mutex<[Option<u64>; 3]>,
    running: AtomicUsize,
    begun: AtomicUsize,
    last_ms: AtomicI64,
    answers: Mutex<Vec<Weak<Response>>>,
}

/// An answer on its way. `offered_ms` is when the client was last offered bytes that it has not asked to follow up;
/// zero while we owe it some.
pub(super) struct Response {
    activity: Arc<Activity>,
    offered_ms: AtomicI64,
}

impl Activity {
    pub(super) fn new(clock: SharedClock) -> Self {
        let last_ms = AtomicI64::new(clock.monotonic_ms());
        Self {
            clock,
            written: Arc::default(),
            seen: Mutex::default(),
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            last_ms,
            answers: Mutex::default(),
        }
    }

    pub(super) fn began(self: &Arc<Self>) -> Arc<Response> {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        let response = Arc::new(Response { activity: self.clone(), offered_ms: AtomicI64::new(0) });
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.strong_count() > 0);
        answers.push(Arc::downgrade(&response));
        response
    }

    /// Whether no request has come at all.
    pub(super) fn unused(&self) -> bool {
        self.begun.load(Ordering::Relaxed) == 0
    }

    pub(super) fn look(&self, idle_ms: i64) -> Look {
        let (now, written) = (self.clock.monotonic_ms(), self.written.load(Ordering::Relaxed));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let [oldest, second, third] = *seen;
        *seen = [second, third, Some(written)];
        if self.running.load(Ordering::Relaxed) == 0 {
            return if now - self.last_ms.load(Ordering::Relaxed) >= idle_ms { Look::Idle } else { Look::Fine };
        }
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |answer: &Weak<Response>| {
            let offered_ms = answer.upgrade().map_or(0, |answer| answer.offered_ms.load(Ordering::Relaxed));
            offered_ms != 0 && now - offered_ms >= 2 * LOOK_MS
        };
        match oldest {
            Some(oldest) if written - oldest < STALLED_BYTES && answers.iter().any(waits) => Look::Stalled,
            _ => Look::Fine,
        }
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.activity.last_ms.store(self.activity.clock.monotonic_ms(), Ordering::Relaxed);
        self.activity.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's body that notes when the client stops taking it.
pub(super) struct Followed {
    pub(super) inner: Body,
    pub(super) response: Arc<Response>,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        let offered_ms = match polled {
            Poll::Pending => 0,
            Poll::Ready(_) => self.response.activity.clock.monotonic_ms().max(1),
        };
        self.response.offered_ms.store(offered_ms, Ordering::Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use siegel_domain::Timestamp;

    use super::*;
    use crate::clock::{Clock, ManualClock};

    const IDLE_MS: i64 = 120_000;

    fn look_after(activity: &Activity, clock: &ManualClock, written: u64) -> Look {
        clock.advance_ms(LOOK_MS);
        activity.written.fetch_add(written, Ordering::Relaxed);
        activity.look(IDLE_MS)
    }

    #[test]
    fn an_answer_that_is_not_taken_is_stalled_and_one_that_trickles_or_has_nothing_to_say_is_not() {
        let clock = ManualClock::new(Timestamp(0));
        for (offered, written_each_look, expected) in
            [(true, 0, Look::Stalled), (true, 100, Look::Stalled), (true, 2_000, Look::Fine), (false, 0, Look::Fine)]
        {
            let activity = Arc::new(Activity::new(Arc::new(clock.clone())));
            let answer = activity.began();
            if offered {
                answer.offered_ms.store(clock.monotonic_ms().max(1), Ordering::Relaxed);
            }
            let looks: Vec<Look> = (0..5).map(|_| look_after(&activity, &clock, written_each_look)).collect();
            assert_eq!(looks[..3], [Look::Fine; 3], "three looks have to agree");
            assert_eq!(looks[4], expected, "offered: {offered}, {written_each_look} bytes written between looks");
        }
    }

    #[test]
    fn a_connection_is_idle_when_its_last_answer_is_long_over() {
        let clock = ManualClock::new(Timestamp(0));
        let activity = Arc::new(Activity::new(Arc::new(clock.clone())));
        assert!(activity.unused());
        let answer = activity.began();
        for _ in 0..10 {
            assert_eq!(look_after(&activity, &clock, 0), Look::Fine, "a silent stream is not idle");
        }
        drop(answer);
        let looks: Vec<Look> = (0..4).map(|_| look_after(&activity, &clock, 0)).collect();
        assert_eq!(looks, [Look::Fine, Look::Fine, Look::Fine, Look::Idle]);
        assert!(!activity.unused());
    }
}
