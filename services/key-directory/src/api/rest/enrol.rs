//! `/v1/auth/enrol`: from a code to a registered device.

use axum::extract::State;
use axum::http::StatusCode;
use siegel_api::enrol::{
    EnrolDealer, EnrolInvite, EnrolLookup, EnrolMember, EnrolOwner, EnrolPassword, EnrolPasswordAnswer, EnrolSender,
    Enrolled,
};
use siegel_api::problem::ProblemBody;
use siegel_platform::Problem;
use siegel_platform::auth::DeviceProof;
use siegel_platform::http::Json;
use utoipa::IntoResponses;

use super::Shared;
use super::problems::Any;
use crate::enrol;

/// What a code may be.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
enum Code {
    /// `tenant-suspended`
    #[response(status = 403, content_type = "application/problem+json")]
    Suspended(ProblemBody),
    /// `not-found`: unknown, or another institution's
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(ProblemBody),
    /// `invite-used`, `invite-expired`
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(ProblemBody),
}

/// What may be wrong with the keys that are enrolled.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
enum Offer {
    /// `unauthenticated`, `use-dpop-nonce`: the proof
    #[response(status = 401, content_type = "application/problem+json")]
    Proof(ProblemBody),
    /// `already-exists`: the login name is taken, or the key was registered before; `roster-conflict`
    #[response(status = 409, content_type = "application/problem+json")]
    Taken(ProblemBody),
    /// `signature-refused`, `roster-refused`: proof, roster entry or epoch do not fit the offered keys
    #[response(status = 422, content_type = "application/problem+json")]
    Refused(ProblemBody),
}

/// Ask what a code is for
///
/// The code itself is not sent, only a value derived from it. The answer names the ids the newcomer will have.
#[utoipa::path(
    post, path = "/v1/auth/enrol/lookup", tag = "enrol", security(()),
    request_body(content = EnrolLookup, example = json!({
        "tenant": "tnt_0123456789abcdefghjkmnpqrs", "auth": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"
    })),
    responses((status = 200, body = EnrolInvite, description = "The code is good"), Code, Any),
)]
pub(super) async fn lookup(
    State(directory): State<Shared>,
    Json(request): Json<EnrolLookup>,
) -> Result<Json<EnrolInvite>, Problem> {
    enrol::lookup::lookup(&directory, request).await.map(Json)
}

/// Register a password, first step
///
/// OPAQUE registration: the server answers the blinded password and stores nothing.
#[utoipa::path(
    post, path = "/v1/auth/enrol/password", tag = "enrol", security(()),
    request_body(content = EnrolPassword, example = json!({
        "tenant": "tnt_0123456789abcdefghjkmnpqrs", "auth": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
        "request": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"
    })),
    responses((status = 200, body = EnrolPasswordAnswer, description = "OPAQUE's answer"), Code, Any),
)]
pub(super) async fn password(
    State(directory): State<Shared>,
    Json(request): Json<EnrolPassword>,
) -> Result<Json<EnrolPasswordAnswer>, Problem> {
    enrol::password::password(&directory, request).await.map(Json)
}

/// Enrol the first owner
///
/// Makes the institution's root: entry 0 of its roster, signed by the new device, and the first epoch. The DPoP proof is
/// made with the key that is enrolled.
#[utoipa::path(
    post, path = "/v1/auth/enrol/owner", tag = "enrol", security(("proof" = [])),
    request_body(content = EnrolOwner, example = json!({
        "tenant": "tnt_0123456789abcdefghjkmnpqrs", "auth": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
        "device": { "sign_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kem_key": "q83vEjRWeJA" },
        "person": {
            "login_name": "anna", "opaque_record": "q83vEjRWeJA", "user_key": "q83vEjRWeJA", "slot": "q83vEjRWeJA"
        },
        "roster_entry": "pABYIAE",
        "epoch": { "statement": "pABYIAE", "bundle": "pABYIAE", "roster_entry": "pABYIAE" }
    })),
    responses((status = 201, body = Enrolled, description = "The institution is founded"), Code, Offer, Any),
)]
pub(super) async fn owner(
    State(directory): State<Shared>,
    proof: DeviceProof,
    Json(request): Json<EnrolOwner>,
) -> Result<(StatusCode, Json<Enrolled>), Problem> {
    enrol::owner::owner(&directory, &proof.key, request).await.map(created)
}

/// Enrol a member
///
/// Waits for a member of the institution to confirm. The DPoP proof is made with the key that is enrolled.
#[utoipa::path(
    post, path = "/v1/auth/enrol/member", tag = "enrol", security(("proof" = [])),
    request_body(content = EnrolMember, example = json!({
        "tenant": "tnt_0123456789abcdefghjkmnpqrs", "auth": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
        "device": { "sign_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kem_key": "q83vEjRWeJA" },
        "person": {
            "login_name": "ben", "opaque_record": "q83vEjRWeJA", "user_key": "q83vEjRWeJA", "slot": "q83vEjRWeJA"
        },
        "mac": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"
    })),
    responses((status = 201, body = Enrolled, description = "Registered, not yet confirmed"), Code, Offer, Any),
)]
pub(super) async fn member(
    State(directory): State<Shared>,
    proof: DeviceProof,
    Json(request): Json<EnrolMember>,
) -> Result<(StatusCode, Json<Enrolled>), Problem> {
    enrol::member::member(&directory, &proof.key, request).await.map(created)
}

/// Enrol a sender
///
/// It may send at once; until a member has confirmed it, its records are shown as not yet confirmed.
#[utoipa::path(
    post, path = "/v1/auth/enrol/sender", tag = "enrol", security(("proof" = [])),
    request_body(content = EnrolSender, example = json!({
        "tenant": "tnt_0123456789abcdefghjkmnpqrs", "auth": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
        "device": { "sign_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kem_key": "q83vEjRWeJA" },
        "mac": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"
    })),
    responses((status = 201, body = Enrolled, description = "Registered, not yet confirmed"), Code, Offer, Any),
)]
pub(super) async fn sender(
    State(directory): State<Shared>,
    proof: DeviceProof,
    Json(request): Json<EnrolSender>,
) -> Result<(StatusCode, Json<Enrolled>), Problem> {
    enrol::sender::sender(&directory, &proof.key, request).await.map(created)
}

/// Enrol a dealer
///
/// A dealer has a signing key alone: it never sees contents.
#[utoipa::path(
    post, path = "/v1/auth/enrol/dealer", tag = "enrol", security(("proof" = [])),
    request_body(content = EnrolDealer, example = json!({
        "auth": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA", "sign_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    })),
    responses((status = 201, body = Enrolled, description = "Registered"), Code, Offer, Any),
)]
pub(super) async fn dealer(
    State(directory): State<Shared>,
    proof: DeviceProof,
    Json(request): Json<EnrolDealer>,
) -> Result<(StatusCode, Json<Enrolled>), Problem> {
    enrol::dealer::dealer(&directory, &proof.key, request).await.map(created)
}

fn created(enrolled: Enrolled) -> (StatusCode, Json<Enrolled>) {
    (StatusCode::CREATED, Json(enrolled))
}
