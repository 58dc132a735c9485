//! Who may call a service. TLS has established who the caller is; here it is decided whether that one has any business
//! here. What is not on the list is refused before it reaches a method.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tonic::Status;

use crate::tls::Caller;

/// Lets only `callers` (names of [`super::SERVICES`]) use the gRPC routes of `router`.
pub fn only(callers: &'static [&'static str], router: Router) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| async move {
        match request.extensions().get::<Caller>() {
            Some(Caller(name)) if callers.contains(name) => next.run(request).await,
            caller => refused(caller.map(|caller| caller.0), request.uri().path()),
        }
    }))
}

fn refused(caller: Option<&'static str>, method: &str) -> Response {
    tracing::warn!(caller = caller.unwrap_or("unknown"), method, "a caller that is not on the list was refused");
    let status = Status::permission_denied("this service is not on the list of callers");
    status.into_http::<tonic::body::Body>().map(Body::new)
}
