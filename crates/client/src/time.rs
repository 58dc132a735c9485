//! The clock of a client: the one place of this crate that asks the system. A client's clock is a claim (the server
//! checks what matters against its own), so nothing here decides about anyone's data.

use std::time::Duration;

/// Tells the wall clock's time, in milliseconds since the Unix epoch. [`now_ms`] unless a test moves time by hand.
pub type WallClock = std::sync::Arc<dyn Fn() -> i64 + Send + Sync>;

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the client's one place that reads the wall clock")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment on the monotonic clock, to measure how long something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(std::time::Instant);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the client's one place that reads the monotonic clock")]
        Self(std::time::Instant::now())
    }

    /// How long ago this was.
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_duration_since(self.0)
    }
}

/// Waits.
pub async fn sleep(how_long: Duration) {
    #[expect(clippy::disallowed_methods, reason = "the client's one place that waits")]
    tokio::time::sleep(how_long).await;
}
