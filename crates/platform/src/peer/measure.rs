//! Calls between services in numbers.

use std::sync::Arc;

use tonic::body::Body;
use tonic::codegen::http;
use tonic::{Code, Status};
use tower::ServiceExt;

use super::Peer;
use crate::clock::SharedClock;
use crate::metrics::{Metrics, Request};

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
