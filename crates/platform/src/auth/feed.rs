//! Whether a session still lives. The key directory tells of every session that ends, as it ends; what was not heard of
//! lives. A feed that is silent for two seconds is not believed: then each request asks, and if nobody answers it is
//! refused (fail closed). So a revocation acts within a heartbeat on every replica, and costs nothing per request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use siegel_domain::{SessionId, TenantId, Timestamp};
use siegel_proto::keydirectory::v1::key_directory_service_client::KeyDirectoryServiceClient;
use siegel_proto::keydirectory::v1::{CheckSessionRequest, WatchRevocationsRequest, WatchRevocationsResponse};

use super::token::TOKEN_LIFE_S;
use crate::clock::{SharedClock, within};
use crate::peer::{Peer, ask};
use crate::tasks::Shutdown;

/// Older news than this are not believed.
const STALE_MS: i64 = 2_000;
/// How long a single question may take.
const ASK_MS: i64 = 1_000;
/// Waits before the feed is opened again.
const REOPEN_MS: (i64, i64) = (50, 1_000);
/// A session that ended is remembered for as long as a token of it could live, and a minute.
const REMEMBER_MS: i64 = TOKEN_LIFE_S as i64 * 1_000 + 60_000;
/// More ended sessions than this within six minutes, and each request asks instead.
const ENDED: usize = 100_000;

/// Nobody could say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key directory does not answer")]
pub(super) struct Unknown;

/// What is known of sessions.
pub(super) struct Sessions {
    clock: SharedClock,
    client: KeyDirectoryServiceClient<Peer>,
    known: Mutex<Known>,
}

struct Known {
    /// When the feed was last heard, on the monotonic clock.
    heard_ms: Option<i64>,
    /// Every session that ended since then is in `ended`.
    complete_since: Timestamp,
    /// Sessions that ended, and when that was heard.
    ended: HashMap<SessionId, i64>,
}

impl Sessions {
    pub(super) fn new(clock: SharedClock, client: KeyDirectoryServiceClient<Peer>) -> Self {
        let known = Known { heard_ms: None, complete_since: Timestamp(i64::MAX), ended: HashMap::new() };
        Self { clock, client, known: Mutex::new(known) }
    }

    /// Whether the session of a token issued at `issued` lives.
    pub(super) async fn alive(
        &self,
        tenant: Option<TenantId>,
        session: SessionId,
        issued: Timestamp,
    ) -> Result<bool, Unknown> {
        {
            let known = self.lock();
            if known.ended.contains_key(&session) {
                return Ok(false);
            }
            let fresh = known.heard_ms.is_some_and(|heard| self.clock.monotonic_ms() - heard <= STALE_MS);
            if fresh && issued >= known.complete_since && known.ended.len() < ENDED {
                return Ok(true);
            }
        }
        let tenant = tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
        let request = CheckSessionRequest { tenant, session: session.to_string() };
        match ask(&self.clock, ASK_MS, self.client.clone().check_session(request)).await {
            Some(Ok(answer)) => Ok(answer.into_inner().alive),
            _ => Err(Unknown),
        }
    }

    /// Follows the feed until `shutdown`, opening it again whenever it breaks.
    pub(super) async fn follow(&self, shutdown: Shutdown) {
        let mut wait_ms = REOPEN_MS.0;
        loop {
            let heard = tokio::select! {
                () = shutdown.wait() => return,
                heard = self.listen() => heard,
            };
            wait_ms = if heard { REOPEN_MS.0 } else { (wait_ms * 2).min(REOPEN_MS.1) };
            tracing::debug!(wait_ms, "the revocation feed is opened again");
            tokio::select! {
                () = shutdown.wait() => return,
                () = self.clock.sleep(wait_ms) => {}
            }
        }
    }

    /// Listens until the feed breaks or falls silent. Returns whether it said anything.
    async fn listen(&self) -> bool {
        let mut client = self.client.clone();
        let opening = client.watch_revocations(WatchRevocationsRequest {});
        let Some(Ok(stream)) = within(&*self.clock, STALE_MS, opening).await else { return false };
        let mut stream = stream.into_inner();
        let mut heard = false;
        while let Some(Ok(Some(news))) = within(&*self.clock, STALE_MS, stream.message()).await {
            self.hear(news);
            heard = true;
        }
        heard
    }

    /// These ended just now, here: nothing has to travel.
    pub(super) fn ended(&self, sessions: impl IntoIterator<Item = SessionId>) {
        let now_ms = self.clock.monotonic_ms();
        self.lock().ended.extend(sessions.into_iter().map(|session| (session, now_ms)));
    }

    fn hear(&self, news: WatchRevocationsResponse) {
        let now_ms = self.clock.monotonic_ms();
        let mut known = self.lock();
        if news.snapshot {
            // What was heard before stays: a replica that started after it may not know of it.
            known.complete_since = Timestamp(news.complete_since_ms);
        }
        known.heard_ms = Some(now_ms);
        known.ended.retain(|_, heard_ms| now_ms - *heard_ms <= REMEMBER_MS);
        let ended = news.sessions.iter().filter_map(|session| session.parse().ok());
        known.ended.extend(ended.map(|session| (session, now_ms)));
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
