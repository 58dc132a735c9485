//! The tower stack, composed once. Order is behaviour: read it from the top, as a request does.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tower::ServiceBuilder;

use super::conn::PeerAddr;
use super::server::HttpEnv;
use super::{layers, observe};
use crate::health;
use crate::metrics::Metrics;
use crate::problem::{Problem, Reason};

/// Puts the stack around a service's (merged) router, with health and metrics beside it. A router of tonic may be merged
/// before: the fallback here replaces the one that tonic answers unknown paths with.
pub fn around(router: Router, env: &HttpEnv) -> Router {
    let in_flight = Arc::new(Semaphore::new(env.limits.requests));
    let stack = ServiceBuilder::new()
        // Gives the request an id and a trace, counts it, logs its problem once: it has to see every answer there is.
        .layer(from_fn_with_state(env.clone(), observe::observe))
        // Headers for browsers, on every answer, refusals included.
        .layer(from_fn(layers::browser_headers))
        // Turns a panic below into a problem instead of a broken connection.
        .layer(from_fn(layers::catch_panic))
        // Refuses what is never right (encodings, strange paths) before it takes a place or a byte.
        .layer(from_fn(layers::refuse))
        // Sends away what is too much, before it costs anything.
        .layer(from_fn_with_state(in_flight, layers::shed))
        // Watches body and time last, so that both belong to requests that run.
        .layer(from_fn_with_state(env.clone(), layers::watch));
    router
        .method_not_allowed_fallback(async || Problem::new(Reason::MethodNotAllowed))
        .merge(health::routes(env.health.clone()))
        .route("/metrics", get(metrics).with_state(env.metrics.clone()))
        .fallback(async || Problem::new(Reason::NotFound))
        .layer(stack)
}

/// For collectors on the same machine. Whoever puts a front before this does not route it.
async fn metrics(State(metrics): State<Arc<Metrics>>, peer: Option<axum::Extension<PeerAddr>>) -> Response {
    match peer {
        Some(peer) if !peer.0.0.ip().to_canonical().is_loopback() => Reason::NotFound.into_response(),
        _ => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(axum::http::header::CONTENT_TYPE, kind)], metrics.render()).into_response()
        }
    }
}
