//! The layers of [`super::stack`], each with one thing to do.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, EXPECT, HeaderMap, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::sync::Semaphore;

use super::body::{Guarded, Watch};
use super::limits::{Limits, TARGET_CHARS};
use super::linger::discard;
use super::server::HttpEnv;
use crate::problem::{Problem, Reason};

/// A panic answers 500. Its text is not logged: it may hold anything.
pub(super) async fn catch_panic(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("a request's handler panicked");
            Reason::Internal.into_response()
        }
    }
}

/// What a browser may do with an answer: nothing, unless the route says otherwise (the documentation's page does).
pub(super) async fn browser_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    response
}

/// Refuses what no honest client sends.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    match acceptable(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => closing(problem.into_response(), request.version()),
    }
}

fn acceptable(request: &Request) -> Result<(), Problem> {
    if encoded(request.headers()) {
        return Err(Reason::ContentEncoding.into()); // nothing is ever decompressed here (FAULTS F28)
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    if target.len() > TARGET_CHARS {
        return Err(Problem::new(Reason::InvalidRequest).detail("The address is too long."));
    }
    if strange(request.uri().path()) {
        return Err(
            Problem::new(Reason::InvalidRequest).detail("The address holds something that no address here has.")
        );
    }
    Ok(())
}

fn encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Dot segments, empty segments, and anything that turns into a slash, a backslash, NUL or a percent sign when decoded
/// (FAULTS F36). Ids of ours need no escapes at all; names in later routes may.
fn strange(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let escapes = ["%2f", "%5c", "%00", "%25", "%2e", "%0a", "%0d"];
    escapes.iter().any(|escape| lower.contains(escape))
        || path.contains(['\\', '\0'])
        || path.contains("//")
        || path.split('/').any(|segment| segment == "." || segment == "..")
}

/// Beyond the bound: 503 at once, and come back in a second.
pub(super) async fn shed(State(room): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match room.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => Problem::new(Reason::OverCapacity).retry_after_s(1).into_response(),
    }
}

/// Bounds the body and the time for an answer. A body may take long as long as it comes: the time for the answer counts
/// from its last bytes. Once the answer's head is there, streams (SSE, downloads) run as long as they like.
pub(super) async fn watch(State(env): State<HttpEnv>, mut request: Request, next: Next) -> Response {
    let began_ms = env.clock.monotonic_ms();
    let watch = Watch::new(began_ms);
    let (version, waits) = (request.version(), request.headers().contains_key(EXPECT));
    request.extensions_mut().insert(watch.clone());
    let (body_watch, clock) = (watch.clone(), env.clock.clone());
    let request = request.map(|body| Body::new(Guarded::new(body, body_watch, clock)));
    let mut answer = std::pin::pin!(next.run(request));
    loop {
        let now_ms = env.clock.monotonic_ms();
        let Ok(wait_ms) = patience(&watch, &env.limits, began_ms, now_ms) else {
            let reason = if watch.ended() { Reason::Timeout } else { Reason::RequestTimeout };
            return closing(reason.into_response(), version);
        };
        tokio::select! {
            biased;
            response = &mut answer => {
                if watch.ended() {
                    return response;
                }
                // An answer before the body has come (a refusal) leaves the connection in the middle of it. Who waits to be
                // told to go on is not told to.
                if version <= Version::HTTP_11 && (!waits || watch.seen() > 0) && let Some(rest) = watch.take_left() {
                    env.tasks.spawn("http.linger", discard(rest, &*env.clock));
                }
                return closing(response, version);
            }
            () = env.clock.sleep(wait_ms) => {}
        }
    }
}

/// How long to wait before looking again; an error if patience is at its end.
fn patience(watch: &Watch, limits: &Limits, began_ms: i64, now_ms: i64) -> Result<i64, ()> {
    let silent_ms = now_ms - watch.last_ms();
    let bound_ms = if watch.ended() { limits.answer_ms } else { limits.body_idle_ms };
    let lasted_s = u64::try_from((now_ms - began_ms) / 1_000).unwrap_or(0);
    let crawls =
        !watch.ended() && now_ms - began_ms >= limits.body_idle_ms && watch.seen() < lasted_s * limits.body_bytes_per_s;
    if silent_ms >= bound_ms || crawls { Err(()) } else { Ok(bound_ms - silent_ms) }
}

/// On HTTP/1 says that the connection ends here.
fn closing(mut response: Response, version: Version) -> Response {
    if version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
