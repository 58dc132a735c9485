//! One stream of events. It reads the logs only when the client takes what was read before, a small batch at a time, so a
//! slow client costs no memory. Every event carries the position behind it, so that a line that breaks goes on exactly
//! there. The stream ends when its session does, and when the process is about to stop: the client opens another one.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::Event as SseEvent;
use futures::Stream;
use futures::stream::unfold;
use siegel_domain::{TenantId, Timestamp};
use siegel_platform::auth::{Auth, Caller};
use siegel_platform::log::LogError;
use siegel_platform::telemetry;

use crate::app::App;
use crate::audience::Audience;
use crate::convert::convert;
use crate::hub::Seat;
use crate::position::{Position, SOURCES};

/// Events read at once from one log.
const BATCH: u32 = 50;
/// A comment this often keeps the line open through proxies, and carries the position on past events for others.
pub const COMMENT_MS: i64 = 15_000;
/// The session is looked at this often, so that its end acts within a second (PROTOCOL "Login").
const LOOK_MS: i64 = 500;
/// What a browser waits before it opens a broken line again.
const RETRY_MS: u64 = 1_000;

/// Somebody who listens.
pub struct Listener {
    /// The service.
    pub app: App,
    /// Looks whether the session lives; none in tests of routes.
    pub auth: Option<Arc<Auth>>,
    /// Who.
    pub caller: Caller,
    /// Of which tenant.
    pub tenant: TenantId,
    /// What they may hear.
    pub audience: Audience,
    /// What they want to hear; empty: everything.
    pub types: BTreeSet<&'static str>,
    /// Where they are.
    pub position: Position,
    /// Their place among the listeners.
    pub seat: Seat,
}

/// What is sent next.
struct State {
    listener: Listener,
    ready: VecDeque<SseEvent>,
    begun: bool,
    /// Whether there may be something to read. An idle stream reads nothing until it is woken: ten thousand of them
    /// cost no query.
    news: bool,
    /// When the session was last seen alive.
    alive: Timestamp,
    looked_ms: i64,
    commented_ms: i64,
}

/// The stream. It never fails: it ends, and the client goes on with another one.
pub fn stream(listener: Listener) -> impl Stream<Item = Result<SseEvent, Infallible>> + Send {
    let clock = &listener.app.ctx.clock;
    let (alive, now_ms) = (clock.now(), clock.monotonic_ms());
    let state = State {
        ready: VecDeque::new(),
        begun: false,
        news: true,
        alive,
        looked_ms: now_ms,
        commented_ms: now_ms,
        listener,
    };
    unfold(state, async |mut state| {
        let event = state.next().await?;
        Some((Ok(event), state))
    })
}

impl State {
    async fn next(&mut self) -> Option<SseEvent> {
        if !self.begun {
            self.begun = true;
            let hello = SseEvent::default().retry(std::time::Duration::from_millis(RETRY_MS)).comment("siegel");
            return Some(hello.id(self.listener.position.to_text()));
        }
        loop {
            if !self.may_go_on().await {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.news {
                self.listener.seat.news.mark_unchanged(); // what is committed from now on wakes us again
                match self.read().await {
                    Ok(more) => self.news = more,
                    Err(error) => {
                        tracing::warn!(tenant = %self.listener.tenant, %error, "a stream of events ends");
                        return None;
                    }
                }
            } else if let Some(comment) = self.rest().await {
                return Some(comment);
            }
        }
    }

    /// Whether the process goes on and the session lives.
    async fn may_go_on(&mut self) -> bool {
        let ctx = &self.listener.app.ctx;
        if ctx.shutdown.begun() {
            return false;
        }
        let now_ms = ctx.clock.monotonic_ms();
        let Some(auth) = &self.listener.auth else { return true };
        if now_ms - self.looked_ms < LOOK_MS {
            return true;
        }
        let now = ctx.clock.now();
        // Not known is not alive: the client opens another stream, and is told there.
        if !auth.lives(&self.listener.caller, self.alive).await.unwrap_or(false) {
            return false;
        }
        (self.alive, self.looked_ms) = (now, now_ms);
        true
    }

    /// Reads the next batch of the first log that has one. True if something was read, for this listener or not.
    async fn read(&mut self) -> Result<bool, LogError> {
        let Listener { app, tenant, audience, types, position, .. } = &mut self.listener;
        for (source, letter) in SOURCES {
            let batch = app.ctx.log.read(source, *tenant, position.of(letter), BATCH).await?;
            for stored in &batch {
                position.set(letter, stored.position);
                let heard = stored.event.data.as_ref().is_some_and(|data| audience.hears(data));
                let Some(event) = heard.then(|| convert(&stored.event)).flatten() else { continue };
                if types.is_empty() || types.contains(event.kind.as_str()) {
                    let span = tracing::info_span!("notification.tell", event.id, event.r#type = event.kind, %tenant);
                    telemetry::follow(&span, &stored.event.traceparent);
                    let sse = SseEvent::default().id(position.to_text()).json_data(&event);
                    self.ready.push_back(sse.expect("ids and numbers are JSON"));
                }
            }
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits for news, at most until the session has to be looked at. A comment if it is time for one.
    async fn rest(&mut self) -> Option<SseEvent> {
        let ctx = self.listener.app.ctx.clone();
        tokio::select! {
            biased;
            // The sender lives as long as our seat does.
            Ok(()) = self.listener.seat.news.changed() => self.news = true,
            () = ctx.shutdown.wait() => {}
            () = ctx.clock.sleep(LOOK_MS) => {}
        }
        let now_ms = ctx.clock.monotonic_ms();
        if now_ms - self.commented_ms < COMMENT_MS {
            return None;
        }
        self.commented_ms = now_ms;
        self.news = true; // the net, should a wake-up ever be lost
        Some(SseEvent::default().comment("").id(self.listener.position.to_text()))
    }
}
