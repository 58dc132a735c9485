//! `/v1/members`.

use axum::extract::State;
use axum::http::StatusCode;
use siegel_api::members::{ConfirmMember, InviteMade, InviteMember, Member, MemberPage, RemoveMember};
use siegel_api::page::PageQuery;
use siegel_api::problem::ProblemBody;
use siegel_domain::MemberId;
use siegel_platform::Problem;
use siegel_platform::auth::Caller;
use siegel_platform::http::{Json, Path, Query};

use super::Shared;
use super::problems::{Any, Private, Signed};
use crate::{confirm, invite as inviting, members, remove as removing};

/// List members
///
/// Oldest first. This is the server's list: whom to trust stands in the signed roster.
#[utoipa::path(
    get, path = "/v1/members", tag = "members", params(PageQuery),
    responses(
        (status = 200, body = MemberPage, description = "A page of members"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`: page size or token"),
        Private
    ),
)]
pub(super) async fn list(
    State(directory): State<Shared>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<MemberPage>, Problem> {
    members::list(&directory, &caller, &query).await.map(Json)
}

/// Invite a member
///
/// The inviting client makes the code and draws the id; the name is sealed and bound to it. Repeating the request with
/// the same code answers the same.
#[utoipa::path(
    post, path = "/v1/members/invites", tag = "members",
    request_body(content = InviteMember, example = json!({
        "member": "mbr_0123456789abcdefghjkmnpqrs", "role": "member",
        "auth_hash": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA", "sealed_code": "q83vEjRWeJA",
        "sealed_label": "q83vEjRWeJA", "expires_in_h": 72
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
    Json(request): Json<InviteMember>,
) -> Result<(StatusCode, Json<InviteMade>), Problem> {
    let made = inviting::member(&directory, &caller, request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Confirm a member
///
/// The confirming client has checked the newcomer's MAC. It signs them into the roster and seals the bundle anew, them
/// among its recipients.
#[utoipa::path(
    post, path = "/v1/members/{id}/confirm", tag = "members",
    params(("id" = String, Path, description = "The member", example = "mbr_0123456789abcdefghjkmnpqrs")),
    request_body(content = ConfirmMember, example = json!({ "roster_entry": "pABYIAE", "bundle": "pABYIAE" })),
    responses((status = 200, body = Member, description = "Confirmed"), Private, Signed, Any),
)]
pub(super) async fn confirm(
    State(directory): State<Shared>,
    caller: Caller,
    Path(id): Path<MemberId>,
    Json(request): Json<ConfirmMember>,
) -> Result<Json<Member>, Problem> {
    confirm::member(&directory, &caller, id, request).await.map(Json)
}

/// Remove a member
///
/// Their sessions die first; the roster forgets them; a new epoch shuts them out of what comes.
#[utoipa::path(
    post, path = "/v1/members/{id}/remove", tag = "members",
    params(("id" = String, Path, description = "The member", example = "mbr_0123456789abcdefghjkmnpqrs")),
    request_body(content = RemoveMember, example = json!({
        "roster_entry": "pABYIAE", "epoch": { "statement": "pABYIAE", "bundle": "pABYIAE", "roster_entry": "pABYIAE" }
    })),
    responses((status = 204, description = "Removed"), Private, Signed, Any),
)]
pub(super) async fn remove(
    State(directory): State<Shared>,
    caller: Caller,
    Path(id): Path<MemberId>,
    Json(request): Json<RemoveMember>,
) -> Result<StatusCode, Problem> {
    removing::member(&directory, &caller, id, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraw an invitation
///
/// For members who are not in the roster: the code is worthless, and who used it is signed out.
#[utoipa::path(
    delete, path = "/v1/members/{id}", tag = "members",
    params(("id" = String, Path, description = "The member", example = "mbr_0123456789abcdefghjkmnpqrs")),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`roster-refused`: they are in the roster"),
        Private
    ),
)]
pub(super) async fn withdraw(
    State(directory): State<Shared>,
    caller: Caller,
    Path(id): Path<MemberId>,
) -> Result<StatusCode, Problem> {
    removing::withdraw(&directory, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
