//! `/v1/auth`: signing in and out.

use axum::extract::State;
use axum::http::StatusCode;
use siegel_api::auth::{
    Challenge, ChallengeRequest, LoginFinish, LoginFinished, LoginStart, LoginStarted, RenewRequest, TokenAnswer,
    TokenRequest, Who,
};
use siegel_api::problem::ProblemBody;
use siegel_platform::Problem;
use siegel_platform::auth::{Caller, DeviceProof};
use siegel_platform::http::Json;

use super::Shared;
use super::problems::{Any, Private};
use crate::{login, machine_login, session};

/// Begin a machine's login
///
/// Hands out a challenge for the device's key to sign, for devices that do not exist too.
#[utoipa::path(
    post, path = "/v1/auth/challenge", tag = "auth", security(()),
    request_body(content = ChallengeRequest, example = json!({
        "device": "dev_0123456789abcdefghjkmnpqrs", "tenant": "tnt_0123456789abcdefghjkmnpqrs"
    })),
    responses((status = 200, body = Challenge, description = "Good for a minute and for this device"), Any),
)]
pub(super) async fn challenge(
    State(directory): State<Shared>,
    Json(request): Json<ChallengeRequest>,
) -> Json<Challenge> {
    Json(machine_login::challenge(&directory, &request))
}

/// Finish a machine's login
///
/// For senders and dealers. The signed challenge and the DPoP proof are made with the device's key.
#[utoipa::path(
    post, path = "/v1/auth/token", tag = "auth", security(("proof" = [])),
    request_body(content = TokenRequest, example = json!({
        "device": "dev_0123456789abcdefghjkmnpqrs", "tenant": "tnt_0123456789abcdefghjkmnpqrs",
        "challenge": "q83vEjRWeJCrze8SNFZ4kA", "signed": "pABYIAE"
    })),
    responses(
        (status = 200, body = TokenAnswer, description = "Signed in"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "`login-failed`, whatever was wrong; `unauthenticated` or `use-dpop-nonce`: the proof"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`tenant-suspended`"),
        Any
    ),
)]
pub(super) async fn token(
    State(directory): State<Shared>,
    proof: DeviceProof,
    Json(request): Json<TokenRequest>,
) -> Result<Json<TokenAnswer>, Problem> {
    machine_login::token(&directory, &proof.key, request).await.map(Json)
}

/// Begin a person's login
///
/// OPAQUE (RFC 9807): the password never leaves the device. The answer is the same for names that do not exist and for
/// devices that are not registered. Each start is charged as a failed attempt and refunded when the login is finished.
#[utoipa::path(
    post, path = "/v1/auth/login/start", tag = "auth", security(()),
    request_body(content = LoginStart, example = json!({
        "login": "anna@herzzentrum-nord", "device": "dev_0123456789abcdefghjkmnpqrs", "request": "q83vEjRWeJCrze8SNFZ4kA"
    })),
    responses(
        (status = 200, body = LoginStarted, description = "OPAQUE's answer, whoever there is"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "`rate-limited`: tried too often; wait"),
        Any
    ),
)]
pub(super) async fn login_start(
    State(directory): State<Shared>,
    Json(request): Json<LoginStart>,
) -> Result<Json<LoginStarted>, Problem> {
    login::start(&directory, request).await.map(Json)
}

/// Finish a person's login
///
/// The DPoP proof is made with the registered device's key. Only now are the wrapped keys handed out.
#[utoipa::path(
    post, path = "/v1/auth/login/finish", tag = "auth", security(("proof" = [])),
    request_body(content = LoginFinish, example = json!({
        "attempt": "q83vEjRWeJCrze8SNFZ4kA", "finalization": "q83vEjRWeJCrze8SNFZ4kA"
    })),
    responses(
        (status = 200, body = LoginFinished, description = "Signed in"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "`login-failed`, whatever was wrong; `unauthenticated` or `use-dpop-nonce`: the proof"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`tenant-suspended`"),
        Any
    ),
)]
pub(super) async fn login_finish(
    State(directory): State<Shared>,
    proof: DeviceProof,
    Json(request): Json<LoginFinish>,
) -> Result<Json<LoginFinished>, Problem> {
    login::finish(&directory, &proof.key, request).await.map(Json)
}

/// Get the next token
///
/// Tokens last five minutes, sessions until logout or until nobody renewed them for twelve hours. The DPoP proof is all
/// that is needed; role and confirmation are looked up anew.
#[utoipa::path(
    post, path = "/v1/auth/renew", tag = "auth", security(("proof" = [])),
    request_body(content = RenewRequest, example = json!({
        "session": "ses_0123456789abcdefghjkmnpqrs", "tenant": "tnt_0123456789abcdefghjkmnpqrs"
    })),
    responses(
        (status = 200, body = TokenAnswer, description = "The next token"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "`session-revoked`: sign in again; `unauthenticated` or `use-dpop-nonce`: the proof"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`tenant-suspended`"),
        Any
    ),
)]
pub(super) async fn renew(
    State(directory): State<Shared>,
    proof: DeviceProof,
    Json(request): Json<RenewRequest>,
) -> Result<Json<TokenAnswer>, Problem> {
    session::renew(&directory, &proof.key, request).await.map(Json)
}

/// Who am I
#[utoipa::path(
    get, path = "/v1/auth/session", tag = "auth",
    responses((status = 200, body = Who, description = "Who is signed in", example = json!({
        "principal": "mbr_0123456789abcdefghjkmnpqrs", "tenant": "tnt_0123456789abcdefghjkmnpqrs",
        "device": "dev_0123456789abcdefghjkmnpqrs", "role": "owner", "confirmed": true
    })), Private),
)]
pub(super) async fn session(caller: Caller) -> Json<Who> {
    Json(Who {
        principal: caller.principal,
        tenant: caller.tenant,
        device: caller.device,
        role: caller.role,
        confirmed: caller.confirmed,
    })
}

/// Sign out
///
/// The session is dead at once, on every replica within a second.
#[utoipa::path(
    delete, path = "/v1/auth/session", tag = "auth",
    responses((status = 204, description = "Signed out"), Private),
)]
pub(super) async fn logout(State(directory): State<Shared>, caller: Caller) -> Result<StatusCode, Problem> {
    session::end(&directory, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
