//! The same problem inside, as a gRPC status with `ErrorInfo`, `BadRequest` and `RetryInfo` (AIP-193), and back.

use std::collections::HashMap;
use std::time::Duration;

use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use super::{Problem, Reason};

/// The domain of our `ErrorInfo`s.
pub const DOMAIN: &str = "siegel.health";

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let reason = problem.reason();
        let mut details = ErrorDetails::with_error_info(reason.grpc_reason(), DOMAIN, HashMap::new());
        if !problem.fields().is_empty() {
            let violations = problem.fields().iter().map(|field| FieldViolation::new(&field.field, &field.reason));
            details.set_bad_request(violations.collect::<Vec<_>>());
        }
        if let Some(seconds) = problem.wait_s() {
            details.set_retry_info(Some(Duration::from_secs(seconds.into())));
        }
        if reason.status().is_server_error() {
            // Here the cause ends: a status carries none, not even to a caller in the same process.
            problem.tell("a call failed");
        }
        let message = problem.sentence().unwrap_or(reason.title()).to_owned();
        Status::with_error_details(reason.grpc(), message, details)
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let reason = details
            .error_info()
            .filter(|info| info.domain == DOMAIN)
            .and_then(|info| Reason::from_grpc_reason(&info.reason))
            .unwrap_or_else(|| Reason::from_grpc_code(status.code()));
        let mut problem = Problem::new(reason);
        if details.error_info().is_some() && status.message() != reason.title() {
            problem = problem.detail(status.message().to_owned());
        }
        if let Some(delay) = details.retry_info().and_then(|info| info.retry_delay) {
            problem = problem.retry_after_s(u32::try_from(delay.as_secs()).unwrap_or(u32::MAX));
        }
        for violation in details.bad_request().into_iter().flat_map(|bad| &bad.field_violations) {
            problem = problem.field(&violation.field, &violation.description);
        }
        problem.caused_by(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_survives_the_way_through_grpc() {
        for &reason in Reason::ALL {
            let sent = Problem::new(reason).detail("do this next").field("parts", "too many").retry_after_s(7);
            let status = Status::from(sent.clone());
            assert_eq!(status.code(), reason.grpc());
            let received = Problem::from(status);
            assert_eq!(received.reason(), reason);
            assert_eq!((received.sentence(), received.wait_s()), (sent.sentence(), sent.wait_s()));
            assert_eq!(received.fields(), sent.fields());
        }
    }

    #[test]
    fn a_foreign_status_tells_nothing_outside() {
        let problem = Problem::from(Status::unavailable("connect to 10.0.0.1 refused"));
        assert_eq!(problem.reason(), Reason::OverCapacity);
        assert_eq!(problem.sentence(), None);
    }
}
