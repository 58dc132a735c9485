//! `/v1/keys`.

use axum::extract::State;
use siegel_api::keys::{EpochChange, KeyAnswer, RosterPage, RosterQuery, SealedBundle};
use siegel_api::problem::ProblemBody;
use siegel_domain::Party;
use siegel_platform::Problem;
use siegel_platform::auth::Caller;
use siegel_platform::http::{Json, Path, Query};

use super::Shared;
use super::problems::{Any, Private, Signed};
use crate::keys;

/// Look a key up
///
/// The key to seal to, with the directory's signed statement and head. Clients compare it with the signed roster, which
/// the directory can't forge.
#[utoipa::path(
    get, path = "/v1/keys/{party}", tag = "keys",
    params(("party" = String, Path, description = "An institution, a sender or a member", example = "snd_0123456789abcdefghjkmnpqrs")),
    responses(
        (status = 200, body = KeyAnswer, description = "The key, proof and checkpoint"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`: unknown here, removed, or not yet confirmed"),
        Private
    ),
)]
pub(super) async fn party(
    State(directory): State<Shared>,
    caller: Caller,
    Path(party): Path<Party>,
) -> Result<Json<KeyAnswer>, Problem> {
    keys::party(&directory, &caller, party).await.map(Json)
}

/// Read the roster
///
/// Signed entries in order, behind the last one that was verified.
#[utoipa::path(
    get, path = "/v1/keys/roster", tag = "keys", params(RosterQuery),
    responses(
        (status = 200, body = RosterPage, description = "Entries, and the current epoch's statement"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`: dealers belong to no institution"),
        Private
    ),
)]
pub(super) async fn roster(
    State(directory): State<Shared>,
    caller: Caller,
    Query(query): Query<RosterQuery>,
) -> Result<Json<RosterPage>, Problem> {
    keys::roster(&directory, &caller, &query).await.map(Json)
}

/// Read the bundle
///
/// The institution's keys, sealed to each member: for confirmed members.
#[utoipa::path(
    get, path = "/v1/keys/bundle", tag = "keys",
    responses((status = 200, body = SealedBundle, description = "The newest bundle and the epoch it belongs to"), Private),
)]
pub(super) async fn bundle(State(directory): State<Shared>, caller: Caller) -> Result<Json<SealedBundle>, Problem> {
    keys::bundle(&directory, &caller).await.map(Json)
}

/// Make a new epoch
///
/// Rotates the institution's key. Statement, roster entry and bundle are signed by the same device.
#[utoipa::path(
    post, path = "/v1/keys/epochs", tag = "keys",
    request_body(content = EpochChange, example = json!({
        "statement": "pABYIAE", "bundle": "pABYIAE", "roster_entry": "pABYIAE"
    })),
    responses((status = 200, body = SealedBundle, description = "The newest bundle"), Private, Signed, Any),
)]
pub(super) async fn rotate(
    State(directory): State<Shared>,
    caller: Caller,
    Json(request): Json<EpochChange>,
) -> Result<Json<SealedBundle>, Problem> {
    keys::rotate(&directory, &caller, request).await.map(Json)
}
