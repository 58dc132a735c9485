//! How services reach each other: always through the clients generated from `proto`, over a [`Peer`]. In one process a
//! peer is the other service itself ([`direct`]; a call costs about 2 µs, CRYPTO-FACTS § 10); between processes it is an
//! HTTP/2 channel ([`inside`]) under mutual TLS, and the other side lets in whom its table names ([`Callers`]). A question
//! has a time ([`ask`]) that goes with it. Nothing is repeated here: whether a call may be, only its maker knows.

mod deadline;
mod late;
mod measure;
mod only;
mod remote;

use std::convert::Infallible;

use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

pub use deadline::{ask, in_time};
pub use late::Late;
pub use measure::measured;
pub use only::{Callers, only};
pub use remote::{RemoteOptions, inside, remote};

/// Everyone who may show a certificate inside, by the name in it.
pub const SERVICES: [&str; 6] = ["key-directory", "upload", "retention", "notification", "operator", "dealer-api"];

/// The other side could not be asked. Tonic finds the status by looking at its source.
#[derive(Debug, thiserror::Error)]
#[error("a peer could not be asked")]
pub struct PeerError(#[source] tonic::Status);

/// The other side. Generated clients are `KeyDirectoryServiceClient<Peer>`.
pub type Peer = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, PeerError>;

/// A server generated from `proto`.
pub trait Server:
    Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible, Future: Send + 'static>
    + NamedService
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Server for S where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible, Future: Send + 'static>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A service of this process, called directly.
pub fn direct(server: impl Server) -> Peer {
    Peer::new(server.map_request(with_context).map_err(|never| match never {}))
}

/// Hands on the current trace (W3C Trace Context), so that one upload is one trace through all services, and the time that
/// is left.
fn with_context(mut request: http::Request<Body>) -> http::Request<Body> {
    if let Some(context) = crate::telemetry::trace_context() {
        context.put(request.headers_mut());
    }
    deadline::put(request.headers_mut());
    request
}
