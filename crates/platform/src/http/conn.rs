//! One connection: hyper's limits, and a look at it every half minute. Idle ones are closed; a client that asks for an
//! answer and does not take it (HTTP/2 window zero, a full socket) is cut off, since what it holds is ours (FAULTS F25).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;

use super::io::Watched;
use super::limits::*;
use super::timer::ClockTimer;
use crate::clock::SharedClock;
use crate::tasks::Shutdown;

/// Who is at the other end of the connection, for handlers and layers. Behind a front it is the front.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddr(pub SocketAddr);

/// Which protocols a connection may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Agreed on by ALPN.
    Http1,
    /// Agreed on by ALPN.
    Http2,
    /// Without TLS: the first bytes say it.
    Either,
}

/// Hyper, set up once for all connections.
pub(super) fn builder(clock: &SharedClock, limits: &Limits) -> Builder<TokioExecutor> {
    let timer = ClockTimer::new(clock.clone());
    let head = Duration::from_millis(u64::try_from(limits.head_ms).unwrap_or(0));
    let ping = Duration::from_millis(H2_PING_MS);
    let mut builder = Builder::new(TokioExecutor::new()); // streams of one connection end with it
    builder.http1().timer(timer.clone()).header_read_timeout(head).max_headers(HEADERS).max_buf_size(256 * 1024);
    builder
        .http2()
        .timer(timer)
        .max_concurrent_streams(H2_STREAMS)
        .max_frame_size(H2_FRAME)
        .initial_stream_window_size(H2_STREAM_WINDOW)
        .initial_connection_window_size(H2_CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(H2_PENDING_RESETS)
        .max_local_error_reset_streams(H2_LOCAL_RESETS)
        .max_header_list_size(HEADER_BYTES)
        .max_send_buf_size(H2_SEND_BUFFER)
        .keep_alive_interval(ping)
        .keep_alive_timeout(ping);
    builder
}

/// What a connection is served with.
pub(super) struct Connection {
    pub(super) builder: Builder<TokioExecutor>,
    pub(super) router: Router,
    pub(super) clock: SharedClock,
    pub(super) head_ms: i64,
    pub(super) idle_ms: i64,
    pub(super) peer: SocketAddr,
    /// No new requests, please.
    pub(super) stop: Shutdown,
    /// Enough.
    pub(super) cut: Shutdown,
}

impl Connection {
    /// Serves until the client leaves, the connection is idle or stalled, or the process stops.
    pub(super) async fn serve<S>(self, socket: S, protocol: Protocol)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Arc::new(Activity::new(self.clock.clone()));
        let io = TokioIo::new(Watched::new(socket, protocol != Protocol::Http2, activity.written.clone()));
        let service = service_fn({
            let (activity, router, peer) = (activity.clone(), self.router, self.peer);
            move |request: Request<Incoming>| {
                let (router, response) = (router.clone(), activity.began());
                async move {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(PeerAddr(peer));
                    let answer = router.oneshot(request).await?;
                    Ok::<_, Infallible>(answer.map(|body| Followed { inner: body, response }))
                }
            }
        });
        let builder = match protocol {
            Protocol::Http1 => self.builder.http1_only(),
            Protocol::Http2 => self.builder.http2_only(),
            Protocol::Either => self.builder,
        };
        let mut connection = std::pin::pin!(builder.serve_connection(io, service));
        let mut closing = false;
        let mut look = self.clock.sleep(LOOK_MS);
        // While hyper does not know the protocol yet, its own timer for heads does not run.
        let mut first = self.clock.sleep(self.head_ms);
        let mut unknown = protocol == Protocol::Either;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        // Clients break connections all the time; the error's text may quote what they sent.
                        tracing::debug!(error.kind = error_kind(&*error), "a connection ended early");
                    }
                    return;
                }
                () = self.cut.wait() => return,
                () = self.stop.wait(), if !closing => {
                    connection.as_mut().graceful_shutdown();
                    closing = true;
                }
                () = &mut first, if unknown => {
                    unknown = false;
                    if activity.unused() {
                        return;
                    }
                }
                () = &mut look => {
                    look = self.clock.sleep(LOOK_MS);
                    match activity.look(self.idle_ms) {
                        Look::Fine => {}
                        Look::Stalled => return,
                        Look::Idle if closing => return,
                        Look::Idle => {
                            connection.as_mut().graceful_shutdown();
                            closing = true;
                        }
                    }
                }
            }
        }
    }
}

fn error_kind(error: &(dyn std::error::Error + 'static)) -> &'static str {
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_timeout() => "timeout",
        Some(error) if error.is_parse() => "parse",
        Some(error) if error.is_incomplete_message() => "incomplete",
        Some(_) => "http",
        None => "io",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Fine,
    Idle,
    Stalled,
}

/// What goes on on a connection.
struct Activity {
    clock: SharedClock,
    written: Arc<AtomicU64>,
    /// Bytes written at the last three looks, the oldest first.
    seen: Mutex<[Option<u64>; 3]>,
    running: AtomicUsize,
    begun: AtomicUsize,
    last_ms: AtomicI64,
    answers: Mutex<Vec<Weak<Response>>>,
}

/// An answer on its way. `offered_ms` is when the client was last offered bytes that it has not asked to follow up;
/// zero while we owe it some.
struct Response {
    activity: Arc<Activity>,
    offered_ms: AtomicI64,
}

impl Activity {
    fn new(clock: SharedClock) -> Self {
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

    fn began(self: &Arc<Self>) -> Arc<Response> {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        let response = Arc::new(Response { activity: self.clone(), offered_ms: AtomicI64::new(0) });
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.strong_count() > 0);
        answers.push(Arc::downgrade(&response));
        response
    }

    /// Whether no request has come at all.
    fn unused(&self) -> bool {
        self.begun.load(Ordering::Relaxed) == 0
    }

    fn look(&self, idle_ms: i64) -> Look {
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
struct Followed {
    inner: Body,
    response: Arc<Response>,
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
