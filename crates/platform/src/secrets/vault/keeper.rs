//! Keeps the process signed in, and tells readiness how it is: at first that the store is away while open keys go on, and,
//! when their time is over, that the process can't serve.

use std::sync::Arc;

use super::super::Unavailable;
use super::super::cache::OPEN_MS;
use super::session::Session;
use crate::clock::SharedClock;
use crate::health::Health;
use crate::tasks::Shutdown;

/// The name in `/health/ready`.
const NAME: &str = "secrets";
/// Looks at least so often.
const EVERY_MS: i64 = 10_000;
/// Looks again so soon while something is wrong.
const AGAIN_MS: i64 = 1_000;

/// Runs until shutdown.
pub(super) async fn keep(session: Arc<Session>, clock: SharedClock, health: Health, shutdown: Shutdown) {
    let mut wait_ms = EVERY_MS;
    loop {
        let due_ms = session.renewal_in_ms();
        tokio::select! {
            biased;
            () = shutdown.wait() => return,
            () = clock.sleep(if due_ms > 0 { wait_ms.min(due_ms) } else { wait_ms }) => {}
        }
        let tended = session.tend().await;
        session.metrics.token_age_seconds.set(session.token_age_ms() / 1_000);
        match session.away() {
            Some(away) if clock.monotonic_ms() < away.since_ms + OPEN_MS => health.limping(NAME, away.why.word()),
            Some(away) => health.wait_for(NAME, away.why.word()),
            // The token is good still, and there will be no other.
            None if tended.is_err() => health.limping(NAME, Unavailable::SignedOut.word()),
            None => health.ready(NAME),
        }
        wait_ms = if tended.is_ok() { EVERY_MS } else { AGAIN_MS };
    }
}
