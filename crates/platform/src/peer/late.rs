//! A peer that is named before it exists: retention erases through upload, upload asks retention for deadlines, and one of
//! the two has to be made first. A call before the other is there is answered as from a peer that is starting. What is
//! handed out does not keep the other one: two services that hold each other would never be dropped, nor their databases
//! closed, when a platform ends in a process that goes on.

use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tower::ServiceExt as _;

use super::{Peer, PeerError};

/// Where the peer is put once it exists, and what keeps it.
#[derive(Default)]
pub struct Late(Arc<OnceLock<Peer>>);

/// What is handed out.
#[derive(Clone)]
struct Awaited(Weak<OnceLock<Peer>>);

impl Late {
    /// The peer to hand out now.
    pub fn peer(&self) -> Peer {
        Peer::new(Awaited(Arc::downgrade(&self.0)))
    }

    /// The peer is there. Only the first one counts.
    pub fn is(&self, peer: Peer) {
        let _ = self.0.set(peer);
    }
}

impl Service<http::Request<Body>> for Awaited {
    type Response = http::Response<Body>;
    type Error = PeerError;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self.0.upgrade().and_then(|late| late.get().cloned()) {
            Some(peer) => Box::pin(peer.oneshot(request)),
            None => Box::pin(async { Ok(tonic::Status::unavailable("starting").into_http()) }),
        }
    }
}
