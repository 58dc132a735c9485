//! Problems that many routes share, for their annotations.

use siegel_api::problem::ProblemBody;
use utoipa::IntoResponses;

/// What any route with a body may answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum Any {
    /// `invalid-request`: each field that is refused is named, its value never
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// `too-large`
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// `unsupported-media-type`, `content-encoding`
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(ProblemBody),
    /// `not-ready`, `over-capacity`: try again after `Retry-After`
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody),
    /// `storage-full`
    #[response(status = 507, content_type = "application/problem+json")]
    Full(ProblemBody),
}

/// What a route answers to those who are not signed in, and to those who may not.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum Private {
    /// `unauthenticated`, `token-expired`, `session-revoked`; `use-dpop-nonce`: repeat the proof with the nonce in the header `DPoP-Nonce`
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemBody),
    /// `forbidden`: the role does not allow it; `not-confirmed`: nobody of the institution has confirmed you yet
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
}

/// What a route answers to a signed change of the roster.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum Signed {
    /// `not-found`
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// `roster-conflict`: somebody else was first, read the roster and sign again; `limit-reached`
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody),
    /// `signature-refused`, `roster-refused`: the detail says why
    #[response(status = 422, content_type = "application/problem+json")]
    Refused(ProblemBody),
}
