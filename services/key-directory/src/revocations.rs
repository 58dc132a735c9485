//! Sessions that ended, told to every service at once. Kept for the life of a token, so that a service which begins to
//! listen learns of those too; what ended before this process started it has to ask about (`complete_since_ms`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, BoxStream, StreamExt};
use siegel_domain::{SessionId, Timestamp};
use siegel_platform::auth::TOKEN_LIFE_S;
use siegel_platform::clock::SharedClock;
use siegel_proto::keydirectory::v1::WatchRevocationsResponse;
use tokio::sync::broadcast;
use tonic::Status;

/// Listeners hear something at least this often.
const HEARTBEAT_MS: i64 = 500;
/// Longer than any token lives.
const KEEP_MS: i64 = TOKEN_LIFE_S as i64 * 1_000 + 60_000;
/// Revocations within six minutes; beyond, the oldest are dropped and have to be asked about.
const KEEP: usize = 100_000;
/// How far a listener may fall behind before it is told everything anew.
const BACKLOG: usize = 1_024;

/// The feed.
pub(crate) struct Revocations {
    clock: SharedClock,
    recent: Mutex<Recent>,
    news: broadcast::Sender<SessionId>,
}

struct Recent {
    complete_since: Timestamp,
    ended: VecDeque<(Timestamp, SessionId)>,
}

impl Revocations {
    pub(crate) fn new(clock: SharedClock) -> Self {
        let recent = Mutex::new(Recent { complete_since: clock.now(), ended: VecDeque::new() });
        Self { clock, recent, news: broadcast::channel(BACKLOG).0 }
    }

    /// Tells that sessions ended. Call it right after the commit that ended them.
    pub(crate) fn publish(&self, sessions: impl IntoIterator<Item = SessionId>) {
        let now = self.clock.now();
        for session in sessions {
            {
                let mut recent = self.lock();
                recent.ended.push_back((now, session));
                while recent.ended.len() > KEEP
                    || recent.ended.front().is_some_and(|(ended, _)| now.ms_since(*ended) > KEEP_MS)
                {
                    let Some((ended, _)) = recent.ended.pop_front() else { break };
                    // Only a full list forgets what still matters.
                    if now.ms_since(ended) <= KEEP_MS {
                        recent.complete_since = ended.plus_ms(1);
                    }
                }
            }
            let _ = self.news.send(session); // nobody listens: they will get the snapshot
        }
    }

    /// Everything recent, then each revocation as it happens, and heartbeats. A listener that fell behind gets a new
    /// snapshot.
    pub(crate) fn watch(self: Arc<Self>) -> BoxStream<'static, Result<WatchRevocationsResponse, Status>> {
        let listening = Listening { news: self.news.subscribe(), begun: false };
        stream::unfold((self, listening), async |(feed, mut listening)| {
            let message = listening.next(&feed).await?;
            Some((Ok(message), (feed, listening)))
        })
        .boxed()
    }

    fn snapshot(&self) -> WatchRevocationsResponse {
        let recent = self.lock();
        WatchRevocationsResponse {
            sessions: recent.ended.iter().map(|(_, session)| session.to_string()).collect(),
            snapshot: true,
            complete_since_ms: recent.complete_since.0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Listening {
    news: broadcast::Receiver<SessionId>,
    begun: bool,
}

impl Listening {
    async fn next(&mut self, feed: &Revocations) -> Option<WatchRevocationsResponse> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some(feed.snapshot());
        }
        let heartbeat = feed.clock.sleep(HEARTBEAT_MS);
        let heard = tokio::select! {
            heard = self.news.recv() => heard,
            () = heartbeat => return Some(WatchRevocationsResponse::default()),
        };
        match heard {
            Ok(session) => {
                let mut sessions = vec![session.to_string()];
                loop {
                    match self.news.try_recv() {
                        Ok(session) => sessions.push(session.to_string()),
                        Err(broadcast::error::TryRecvError::Lagged(_)) => return Some(feed.snapshot()),
                        Err(_) => return Some(WatchRevocationsResponse { sessions, ..Default::default() }),
                    }
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => Some(feed.snapshot()),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use siegel_platform::clock::ManualClock;

    use super::*;

    fn session(n: u8) -> SessionId {
        SessionId::from_bytes([n; 16])
    }

    async fn sessions(watch: &mut BoxStream<'static, Result<WatchRevocationsResponse, Status>>) -> (Vec<String>, bool) {
        let message = watch.next().await.unwrap().unwrap();
        (message.sessions, message.snapshot)
    }

    #[tokio::test]
    async fn a_listener_gets_what_was_what_is_and_heartbeats() {
        let clock = ManualClock::new(Timestamp(1_000));
        let feed = Arc::new(Revocations::new(Arc::new(clock.clone())));
        feed.publish([session(1)]);
        let mut watch = feed.clone().watch();
        assert_eq!(sessions(&mut watch).await, (vec![session(1).to_string()], true));
        feed.publish([session(2), session(3)]);
        assert_eq!(sessions(&mut watch).await, (vec![session(2).to_string(), session(3).to_string()], false));
        let mut next = watch.next();
        assert!(futures::poll!(&mut next).is_pending());
        clock.advance_ms(HEARTBEAT_MS);
        assert_eq!(next.await.unwrap().unwrap(), WatchRevocationsResponse::default());
    }

    #[tokio::test]
    async fn who_fell_behind_is_told_everything_anew() {
        let feed = Arc::new(Revocations::new(Arc::new(ManualClock::new(Timestamp(1_000)))));
        let mut watch = feed.clone().watch();
        assert_eq!(sessions(&mut watch).await, (vec![], true));
        feed.publish((0..=BACKLOG).map(|n| SessionId::from_bytes((n as u128).to_be_bytes())));
        let (all, snapshot) = sessions(&mut watch).await;
        assert_eq!((all.len(), snapshot), (BACKLOG + 1, true));
    }

    #[test]
    fn what_no_token_can_outlive_is_forgotten() {
        let clock = ManualClock::new(Timestamp(1_000));
        let feed = Revocations::new(Arc::new(clock.clone()));
        feed.publish([session(1)]);
        clock.advance_ms(KEEP_MS + 1);
        feed.publish([session(2)]);
        let snapshot = feed.snapshot();
        assert_eq!(snapshot.sessions, [session(2).to_string()]);
        assert_eq!(snapshot.complete_since_ms, 1_000, "what was forgotten is harmless");
    }
}
