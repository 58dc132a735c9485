//! How long a call may take, known on both sides. Whoever asks says so ([`ask`]); the call carries what is left of it as
//! gRPC's `grpc-timeout`; whoever is asked stops when it is over ([`in_time`]), and what they ask of others on the way is
//! given no longer. So no service works for somebody who has gone.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tonic::Status;

use crate::clock::{SharedClock, within};

/// `grpc-timeout`, of the gRPC protocol: at most eight digits and a unit.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// The longest that eight digits of milliseconds say, 27 hours.
const LONGEST_MS: i64 = 99_999_999;

tokio::task_local! {
    static CURRENT: Deadline;
}

/// A moment of a clock's monotonic time.
#[derive(Clone)]
struct Deadline {
    clock: SharedClock,
    at_ms: i64,
}

impl Deadline {
    /// In `ms` milliseconds, or earlier if the work around us has less left.
    fn after(clock: &SharedClock, ms: i64) -> Self {
        let ms = left_ms().map_or(ms, |left_ms| left_ms.min(ms));
        Self { clock: clock.clone(), at_ms: clock.monotonic_ms().saturating_add(ms) }
    }

    fn left_ms(&self) -> i64 {
        self.at_ms.saturating_sub(self.clock.monotonic_ms()).max(0)
    }
}

/// What is left to the work that runs now; none if nobody waits for it.
fn left_ms() -> Option<i64> {
    CURRENT.try_with(Deadline::left_ms).ok()
}

/// The answer of another service, or `None` when `ms` milliseconds pass first. Not for streams: the time is for the whole
/// call.
pub async fn ask<F: Future>(clock: &SharedClock, ms: i64, call: F) -> Option<F::Output> {
    let deadline = Deadline::after(clock, ms);
    within(&**clock, deadline.left_ms(), CURRENT.scope(deadline, call)).await
}

/// Writes what is left into a call's headers.
pub(super) fn put(headers: &mut HeaderMap) {
    let Some(left_ms) = left_ms() else { return };
    let text = format!("{}m", left_ms.min(LONGEST_MS));
    headers.insert(GRPC_TIMEOUT, HeaderValue::try_from(text).expect("digits and a letter are a header value"));
}

/// Answers calls within the time that they carry: `DEADLINE_EXCEEDED` otherwise. Calls that carry none take as long as the
/// listener lets them.
pub fn in_time(clock: SharedClock, router: Router) -> Router {
    router.layer(from_fn_with_state(clock, answer_in_time))
}

async fn answer_in_time(State(clock): State<SharedClock>, request: Request, next: Next) -> Response {
    let Some(ms) = carried_ms(request.headers()) else { return next.run(request).await };
    let answer = ask(&clock, ms, next.run(request)).await;
    answer.unwrap_or_else(|| {
        let status = Status::deadline_exceeded("the time that the caller gives is over");
        status.into_http::<tonic::body::Body>().map(Body::new)
    })
}

/// What a call carries, rounded up to milliseconds; none if it is not as the protocol has it.
fn carried_ms(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    match unit {
        "H" => Some(number * 3_600_000),
        "M" => Some(number * 60_000),
        "S" => Some(number * 1_000),
        "m" => Some(number),
        "u" => Some(number.div_euclid(1_000) + i64::from(number % 1_000 > 0)),
        "n" => Some(number.div_euclid(1_000_000) + i64::from(number % 1_000_000 > 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::routing::post;
    use siegel_domain::Timestamp;
    use tonic::Code;
    use tower::ServiceExt;

    use super::*;
    use crate::clock::ManualClock;

    fn put_now() -> Option<String> {
        let mut headers = HeaderMap::new();
        put(&mut headers);
        headers.get(&GRPC_TIMEOUT).map(|value| value.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_call_on_the_way_is_given_what_is_left_and_never_more() {
        let manual = ManualClock::new(Timestamp(0));
        let clock: SharedClock = Arc::new(manual.clone());
        assert_eq!(put_now(), None, "nobody waits");
        let seen = ask(&clock, 10_000, async {
            manual.advance_ms(4_000);
            let longer = ask(&clock, 60_000, async { put_now() }).await.unwrap();
            let shorter = ask(&clock, 1_000, async { put_now() }).await.unwrap();
            (put_now(), longer, shorter)
        });
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(seen.await.unwrap(), (own("6000m"), own("6000m"), own("1000m")));
        let long = ask(&clock, i64::MAX, async { put_now() });
        assert_eq!(long.await.unwrap(), own("99999999m"));
        assert_eq!(put_now(), None);
    }

    #[tokio::test]
    async fn a_callee_stops_when_its_caller_has_gone_and_tells_its_own_callees() {
        let manual = ManualClock::new(Timestamp(0));
        let clock: SharedClock = Arc::new(manual.clone());
        let routes = Router::new()
            .route("/fast", post(async || put_now().unwrap_or_default()))
            .route("/never", post(std::future::pending::<()>));
        let service = in_time(clock, routes);
        let call = |path: &str, timeout: &str| {
            let request = Request::post(path).header("grpc-timeout", timeout).body(Body::empty()).unwrap();
            service.clone().oneshot(request)
        };
        let text = async |timeout: &str| {
            let answer = call("/fast", timeout).await.unwrap();
            String::from_utf8(axum::body::to_bytes(answer.into_body(), 100).await.unwrap().to_vec()).unwrap()
        };
        for (carried, seen) in [("250m", "250m"), ("2S", "2000m"), ("1M", "60000m"), ("1H", "3600000m")] {
            assert_eq!(text(carried).await, seen);
        }
        assert_eq!((text("1u").await, text("1000001n").await), ("1m".to_owned(), "2m".to_owned()), "rounded up");
        for odd in ["", "m", "5", "-5S", "123456789m", "5 S", "5x"] {
            assert_eq!(text(odd).await, "", "{odd:?} is no time");
        }
        let mut late = Box::pin(call("/never", "5S"));
        assert!(futures::poll!(&mut late).is_pending());
        manual.advance_ms(5_000);
        let status = Status::from_header_map(late.await.unwrap().headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
}
