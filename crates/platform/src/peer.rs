//! How services reach each other: always through the clients generated from `proto`, over a [`Peer`]. In one process a
//! peer is the other service itself (a call costs about 2 µs, CRYPTO-FACTS § 10); between processes it is an HTTP/2
//! channel with keepalive, a connect timeout and a deadline on each call, since a channel without them stays glued to
//! an address that is gone.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::clock::SharedClock;
use crate::metrics::{Metrics, Request};

/// The other side could not be asked. Tonic turns it into a status by looking at its source. (A type of its own, since a
/// bare `Box<dyn Error>` in [`Peer`] makes futures that the compiler can't prove to be `Send`.)
#[derive(Debug, thiserror::Error)]
#[error("a peer could not be asked")]
pub struct PeerError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The other side. Generated clients are `KeyDirectoryServiceClient<Peer>`.
pub type Peer = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, PeerError>;

/// A service of this process, called directly.
pub fn direct<S>(server: S) -> Peer
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    Peer::new(server.map_request(with_trace).map_err(|never| match never {}))
}

/// How another process is reached.
#[derive(Debug, Clone, Copy)]
pub struct RemoteOptions {
    /// For the connection to stand.
    pub connect_timeout: Duration,
    /// For one call, its answer included.
    pub deadline: Duration,
    /// Between two pings on an open connection, idle ones included.
    pub keepalive: Duration,
    /// For the answer to a ping.
    pub keepalive_timeout: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            deadline: Duration::from_secs(10),
            keepalive: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(5),
        }
    }
}

/// A service of another process at `uri`. Connects when first used and again whenever the connection is lost.
pub fn remote(uri: http::Uri, options: RemoteOptions) -> Peer {
    let channel = Endpoint::from(uri)
        .connect_timeout(options.connect_timeout)
        .timeout(options.deadline)
        .http2_keep_alive_interval(options.keepalive)
        .keep_alive_timeout(options.keepalive_timeout)
        .keep_alive_while_idle(true)
        .tcp_keepalive(Some(options.keepalive))
        .tcp_nodelay(true)
        .connect_lazy();
    Peer::new(channel.map_request(with_trace).map_err(|error| PeerError(error.into())))
}

/// The same peer, its calls counted and timed by method (`siegel_calls`).
pub fn measured(peer: Peer, metrics: Arc<Metrics>, clock: SharedClock) -> Peer {
    let peer = tower::service_fn(move |request: http::Request<Body>| {
        let (peer, metrics, clock) = (peer.clone(), metrics.clone(), clock.clone());
        async move {
            let (group, began_ms) = (request.uri().path().to_owned(), clock.monotonic_ms());
            let answer = peer.oneshot(request).await;
            // A failure is in the head; a stream that fails later was counted as begun.
            let status = match &answer {
                Ok(answer) => Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code()),
                Err(_) => Code::Unavailable,
            };
            let request = Request { group, method: "POST", status: name(status) };
            metrics.call_ended(request, clock.monotonic_ms() - began_ms);
            answer
        }
    });
    Peer::new(peer)
}

/// The code as its specification writes it.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Hands the current trace on (W3C Trace Context), so that one upload is one trace through all services.
fn with_trace(mut request: http::Request<Body>) -> http::Request<Body> {
    if let Some(context) = crate::telemetry::trace_context() {
        context.put(request.headers_mut());
    }
    request
}
