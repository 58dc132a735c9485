//! What a service is to the process that hosts it: public routes, gRPC, background work.

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

use crate::peer::{self, Peer, Server};
use crate::worker::Worker;

/// A service that has started and is not served yet.
pub struct Service {
    pub(super) name: &'static str,
    pub(super) rest: OpenApiRouter,
    pub(super) grpc: Option<Grpc>,
    pub(super) workers: Vec<Worker>,
}

impl Service {
    /// A service of which nothing is told yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, rest: OpenApiRouter::new(), grpc: None, workers: Vec::new() }
    }

    /// Its public routes.
    pub fn rest(self, rest: OpenApiRouter) -> Self {
        Self { rest, ..self }
    }

    /// What it answers to other services.
    pub fn grpc(self, grpc: Grpc) -> Self {
        Self { grpc: Some(grpc), ..self }
    }

    /// Its background work.
    pub fn workers(self, workers: Vec<Worker>) -> Self {
        Self { workers, ..self }
    }
}

/// A gRPC service, for callers in this process and in others.
pub struct Grpc {
    pub(super) direct: Peer,
    pub(super) routes: Router,
}

impl Grpc {
    /// The generated server.
    pub fn new(server: impl Server) -> Self {
        // Without tonic's own fallback: several services on one listener have one, the stack's.
        let routes = tonic::service::Routes::new(server.clone()).prepare().into_axum_router().reset_fallback();
        Self { direct: peer::direct(server), routes }
    }
}
