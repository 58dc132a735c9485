//! Request bodies: bounded, and never believed to end. [`Guarded`] counts what comes in, knows the bound of the route,
//! and tells the stack's timer when something last came.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use siegel_domain::limits::JSON_BODY_BYTES;

use crate::clock::SharedClock;
use crate::problem::{Problem, Reason};

/// Why a body can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than the route takes.
    #[error("the body is too large")]
    TooLarge,
    /// The connection broke, or the framing did.
    #[error("the body broke off")]
    Broken,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Reason::TooLarge.into(),
            // Nobody is left to read this; it is for logs and counts.
            BodyError::Broken => Problem::new(Reason::InvalidRequest).detail("The body broke off."),
        }
    }
}

/// What the body, the route and the stack's timer know of each other.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<State>);

#[derive(Debug)]
struct State {
    limit: AtomicU64,
    seen: AtomicU64,
    last_ms: AtomicI64,
    ended: AtomicBool,
    left: Mutex<Option<Body>>,
}

impl Watch {
    pub(super) fn new(now_ms: i64) -> Self {
        Self(Arc::new(State {
            limit: AtomicU64::new(JSON_BODY_BYTES as u64),
            seen: AtomicU64::new(0),
            last_ms: AtomicI64::new(now_ms),
            ended: AtomicBool::new(false),
            left: Mutex::default(),
        }))
    }

    /// When something last came, on the monotonic clock.
    pub(super) fn last_ms(&self) -> i64 {
        self.0.last_ms.load(Ordering::Relaxed)
    }

    /// Bytes that came.
    pub(super) fn seen(&self) -> u64 {
        self.0.seen.load(Ordering::Relaxed)
    }

    /// Whether the whole body has come.
    pub(super) fn ended(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed)
    }

    /// The rest of a body that its handler let go of before the end.
    pub(super) fn take_left(&self) -> Option<Body> {
        self.0.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A request body under watch.
pub(super) struct Guarded {
    inner: Body,
    watch: Watch,
    clock: SharedClock,
}

impl Guarded {
    pub(super) fn new(inner: Body, watch: Watch, clock: SharedClock) -> Self {
        if inner.is_end_stream() {
            watch.0.ended.store(true, Ordering::Relaxed);
        }
        Self { inner, watch, clock }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !self.watch.ended() {
            let left = std::mem::take(&mut self.inner);
            *self.watch.0.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
        }
    }
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let state = self.watch.0.clone();
        let limit = state.limit.load(Ordering::Relaxed);
        if self.inner.size_hint().lower() > limit.saturating_sub(state.seen.load(Ordering::Relaxed)) {
            return Poll::Ready(Some(Err(BodyError::TooLarge))); // said so in Content-Length: not a byte is read
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        state.last_ms.store(self.clock.monotonic_ms(), Ordering::Relaxed);
        Poll::Ready(match frame {
            None => {
                state.ended.store(true, Ordering::Relaxed);
                None
            }
            Some(Err(_)) => Some(Err(BodyError::Broken)),
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                let seen = state.seen.fetch_add(bytes, Ordering::Relaxed) + bytes;
                if self.inner.is_end_stream() {
                    state.ended.store(true, Ordering::Relaxed);
                }
                Some(if seen > limit { Err(BodyError::TooLarge) } else { Ok(frame) })
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A route that takes larger (or smaller) bodies than a JSON body's bound:
/// `.route_layer(from_fn_with_state(BodyLimit(PART_SEALED_BYTES), body_limit))`.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// Sets the bound of a route, and refuses a declared length above it before anything is read.
pub async fn body_limit(limit: axum::extract::State<BodyLimit>, mut request: Request, next: Next) -> Response {
    let limit = limit.0.0 as u64;
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > limit) {
        return Problem::from(BodyError::TooLarge).into_response();
    }
    match request.extensions().get::<Watch>() {
        Some(watch) => watch.0.limit.store(limit, Ordering::Relaxed),
        // Without the stack around it (a test of one route) the bound still holds.
        None => request = request.map(|body| Body::new(http_body_util::Limited::new(body, limit as usize))),
    }
    next.run(request).await
}

/// The whole body, at most `max` bytes of it whatever the route's bound is.
pub async fn read_whole(body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut body = std::pin::pin!(body);
    let declared = body.size_hint().lower();
    if declared > max as u64 {
        return Err(BodyError::TooLarge.into());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::from(cause_of(&error)))?;
        // Only now: the first frame shows that the declared length is within the route's bound.
        if whole.capacity() == 0 {
            whole.reserve(usize::try_from(declared).unwrap_or(0));
        }
        if let Ok(data) = frame.into_data() {
            if whole.len() + data.len() > max {
                return Err(BodyError::TooLarge.into());
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// What lies behind an error of `axum::body::Body`, for handlers that read it as a stream.
pub fn cause_of(error: &axum::Error) -> BodyError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<BodyError>() {
            return *found;
        }
        if error.is::<http_body_util::LengthLimitError>() {
            return BodyError::TooLarge;
        }
        next = error.source();
    }
    BodyError::Broken
}
