//! `/v1/senders`.

use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use siegel_api::members::{ConfirmSender, InviteMade, InviteSender, PatchSender, RemoveSender, Sender, SenderPage};
use siegel_api::page::PageQuery;
use siegel_api::problem::ProblemBody;
use siegel_domain::SenderId;
use siegel_platform::Problem;
use siegel_platform::auth::Caller;
use siegel_platform::http::etag::{etag_header, require_match};
use siegel_platform::http::{Json, Path, Query};

use super::Shared;
use super::problems::{Any, Private, Signed};
use crate::senders::Versioned;
use crate::{confirm as confirming, invite as inviting, remove as removing, senders};

type WithTag = ([(HeaderName, HeaderValue); 1], Json<Sender>);

/// List senders
///
/// Oldest first, for the institution's members.
#[utoipa::path(
    get, path = "/v1/senders", tag = "senders", params(PageQuery),
    responses(
        (status = 200, body = SenderPage, description = "A page of senders"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`: page size or token"),
        Private
    ),
)]
pub(super) async fn list(
    State(directory): State<Shared>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<SenderPage>, Problem> {
    senders::list(&directory, &caller, &query).await.map(Json)
}

/// Set up a sender
///
/// Its credentials, a one-time code, go straight from the institution to the sender (C02). Repeating the request with the
/// same code answers the same.
#[utoipa::path(
    post, path = "/v1/senders", tag = "senders",
    request_body(content = InviteSender, example = json!({
        "sender": "snd_0123456789abcdefghjkmnpqrs", "auth_hash": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
        "sealed_code": "q83vEjRWeJA", "sealed_label": "q83vEjRWeJA", "return_report": "always", "expires_in_h": 72
    })),
    responses(
        (status = 201, body = InviteMade, description = "Invited"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`already-exists`: the id or the code; `limit-reached`; `conflict`: the same request is being done"),
        Private, Any
    ),
)]
pub(super) async fn invite(
    State(directory): State<Shared>,
    caller: Caller,
    Json(request): Json<InviteSender>,
) -> Result<(StatusCode, Json<InviteMade>), Problem> {
    let made = inviting::sender(&directory, &caller, request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Read a sender
///
/// Any of them for the institution; itself for a sender, without the name it was given.
#[utoipa::path(
    get, path = "/v1/senders/{id}", tag = "senders",
    params(("id" = String, Path, description = "The sender", example = "snd_0123456789abcdefghjkmnpqrs")),
    responses(
        (status = 200, body = Sender, description = "The sender", headers(("etag" = String, description = "For `If-Match`"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`"),
        Private
    ),
)]
pub(super) async fn get(
    State(directory): State<Shared>,
    caller: Caller,
    Path(id): Path<SenderId>,
) -> Result<WithTag, Problem> {
    senders::get(&directory, &caller, id).await.map(tagged)
}

/// Change a sender
///
/// Whether reports go back to it (C05): by the institution, or by the sender itself.
#[utoipa::path(
    patch, path = "/v1/senders/{id}", tag = "senders",
    params(
        ("id" = String, Path, description = "The sender", example = "snd_0123456789abcdefghjkmnpqrs"),
        ("if-match" = String, Header, description = "The ETag of the version that is changed", example = "\"3\""),
    ),
    request_body(content = PatchSender, example = json!({ "return_report": "never" })),
    responses(
        (status = 200, body = Sender, description = "The sender as it is now", headers(("etag" = String, description = "For `If-Match`"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`precondition-failed`: someone else changed it"),
        (status = 428, body = ProblemBody, content_type = "application/problem+json", description = "`precondition-required`: `If-Match` is missing"),
        Private, Any
    ),
)]
pub(super) async fn patch(
    State(directory): State<Shared>,
    caller: Caller,
    Path(id): Path<SenderId>,
    headers: HeaderMap,
    Json(patch): Json<PatchSender>,
) -> Result<WithTag, Problem> {
    let (_, version) = senders::get(&directory, &caller, id).await?;
    require_match(&headers, version)?;
    senders::patch(&directory, &caller, id, version, patch).await.map(tagged)
}

/// Confirm a sender
///
/// The confirming client has checked the sender's MAC and signs it into the roster.
#[utoipa::path(
    post, path = "/v1/senders/{id}/confirm", tag = "senders",
    params(("id" = String, Path, description = "The sender", example = "snd_0123456789abcdefghjkmnpqrs")),
    request_body(content = ConfirmSender, example = json!({ "roster_entry": "pABYIAE" })),
    responses((status = 200, body = Sender, description = "Confirmed"), Private, Signed, Any),
)]
pub(super) async fn confirm(
    State(directory): State<Shared>,
    caller: Caller,
    Path(id): Path<SenderId>,
    Json(request): Json<ConfirmSender>,
) -> Result<WithTag, Problem> {
    confirming::sender(&directory, &caller, id, request).await.map(tagged)
}

/// Remove a sender
///
/// Its sessions die first. A sender in the roster needs the signed roster change; an invited or pending one does not.
#[utoipa::path(
    post, path = "/v1/senders/{id}/remove", tag = "senders",
    params(("id" = String, Path, description = "The sender", example = "snd_0123456789abcdefghjkmnpqrs")),
    request_body(content = RemoveSender, example = json!({ "roster_entry": "pABYIAE" })),
    responses((status = 204, description = "Removed"), Private, Signed, Any),
)]
pub(super) async fn remove(
    State(directory): State<Shared>,
    caller: Caller,
    Path(id): Path<SenderId>,
    Json(request): Json<RemoveSender>,
) -> Result<StatusCode, Problem> {
    removing::sender(&directory, &caller, id, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn tagged((sender, version): Versioned) -> WithTag {
    ([(ETAG, etag_header(version))], Json(sender))
}
