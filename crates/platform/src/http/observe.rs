//! What every request leaves behind: an id for support, a place in a trace, counts, and one line in the log if something
//! broke here. Nothing of what it said.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::server::HttpEnv;
use crate::metrics;
use crate::problem::{Problem, Reason};
use crate::telemetry::{self, TraceContext};

/// The header with the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, in its extensions. Drawn here, never taken from the client: it ends up in logs.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

pub(super) async fn observe(State(env): State<HttpEnv>, mut request: Request, next: Next) -> Response {
    let began_ms = env.clock.monotonic_ms();
    let _in_flight = env.metrics.request_began();
    let id = telemetry::hex(&env.rng.bytes::<8>());
    let group = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = known(request.method());
    let grpc = is_grpc(&request);
    let incoming = TraceContext::of(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));

    let span = tracing::info_span!("http.request", otel.name = %format_args!("{method} {group}"), request.id = id,
        http.route = group, http.method = method, trace.id = tracing::field::Empty,
        tenant = tracing::field::Empty, record = tracing::field::Empty, outcome = tracing::field::Empty);
    let trace = telemetry::enter_remote(&span, incoming, &*env.rng);
    span.record("trace.id", trace.trace_id_hex());

    let response = trace.scope(next.run(request).instrument(span.clone())).await;
    let response = span.in_scope(|| finish(response, &id, grpc, &env));
    span.record("outcome", response.status().as_u16());
    let request = metrics::Request { group, method, status: class(response.status()) };
    env.metrics.request_ended(request, env.clock.monotonic_ms() - began_ms);
    response
}

/// Gives a refusal its final form, counts it, and logs what broke here.
fn finish(mut response: Response, id: &str, grpc: bool, env: &HttpEnv) -> Response {
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = problem.or_else(|| unexplained(&response, grpc)) {
        let reason = problem.reason();
        env.metrics.problem(reason.code());
        if reason.status().is_server_error() {
            if !grpc {
                problem.tell("a request failed");
            } // else turning it into a status says so
        } else {
            tracing::debug!(problem = reason.code(), "a request was refused");
        }
        let explained =
            if grpc { tonic::Status::from(problem).into_http() } else { problem.into_response_to(Some(id)) };
        response = with_headers_of(explained, &response);
        response.extensions_mut().remove::<Problem>(); // its cause goes no further
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A refusal that some library made without a problem: it has no body, or a line of plain text.
fn unexplained(response: &Response, grpc: bool) -> Option<Problem> {
    let status = response.status();
    let plain = response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if grpc || !plain || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    Some(Problem::new(match status {
        StatusCode::NOT_FOUND => Reason::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Reason::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Reason::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Reason::UnsupportedMediaType,
        StatusCode::RANGE_NOT_SATISFIABLE => Reason::RangeNotSatisfiable,
        status if status.is_client_error() => Reason::InvalidRequest,
        _ => Reason::Internal,
    }))
}

/// Keeps what layers below added to the refusal (security headers, `Connection: close`).
fn with_headers_of(mut explained: Response, before: &Response) -> Response {
    for (name, value) in before.headers() {
        if !explained.headers().contains_key(name) && name != axum::http::header::CONTENT_LENGTH {
            explained.headers_mut().append(name, value.clone());
        }
    }
    explained
}

fn is_grpc(request: &Request) -> bool {
    request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// A label of few values.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}
