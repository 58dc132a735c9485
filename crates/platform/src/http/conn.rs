//! One connection: hyper's limits, and a look at it every half minute. Idle ones are closed; a client that asks for an
//! answer and does not take it (HTTP/2 window zero, a full socket) is cut off, since what it holds is ours (FAULTS F25).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;

use super::activity::{Activity, Followed, Look};
use super::io::Watched;
use super::limits::*;
use super::timer::ClockTimer;
use crate::clock::SharedClock;
use crate::tasks::Shutdown;
use crate::tls::Caller;

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
    /// The service at the other end, on an internal listener.
    pub(super) caller: Option<Caller>,
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
            let (activity, router, peer, caller) = (activity.clone(), self.router, self.peer, self.caller);
            move |request: Request<Incoming>| {
                let (router, response) = (router.clone(), activity.began());
                async move {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(PeerAddr(peer));
                    if let Some(caller) = caller {
                        request.extensions_mut().insert(caller);
                    }
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
