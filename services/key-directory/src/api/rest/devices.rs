//! `/v1/devices`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use siegel_api::members::{DevicePage, RevokeDevice};
use siegel_api::problem::ProblemBody;
use siegel_domain::{DeviceId, Principal};
use siegel_platform::Problem;
use siegel_platform::auth::Caller;
use siegel_platform::http::{Json, Path, Query};
use utoipa::IntoParams;

use super::Shared;
use super::problems::{Any, Private, Signed};
use crate::devices;

/// Whose devices. There are at most twenty, so they come in one page whatever is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeviceQuery {
    /// Another's, for those who manage them; one's own if absent.
    #[param(value_type = Option<String>, example = "mbr_0123456789abcdefghjkmnpqrs")]
    principal: Option<Principal>,
    /// Taken as in other lists.
    #[serde(rename = "page_size")]
    _page_size: Option<u32>,
    /// Taken as in other lists; there is no second page.
    #[serde(rename = "page_token")]
    _page_token: Option<String>,
}

/// List devices
///
/// One's own, or those of a member or sender that one manages. Revoked ones stay listed.
#[utoipa::path(
    get, path = "/v1/devices", tag = "devices", params(DeviceQuery),
    responses(
        (status = 200, body = DevicePage, description = "The devices"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`: not one's own, or not one's to manage"),
        Private
    ),
)]
pub(super) async fn list(
    State(directory): State<Shared>,
    caller: Caller,
    Query(query): Query<DeviceQuery>,
) -> Result<Json<DevicePage>, Problem> {
    devices::list(&directory, &caller, query.principal).await.map(Json)
}

/// Revoke a device
///
/// Its sessions are dead within a second. A device in the roster leaves it by a signed change, and a new epoch is made.
#[utoipa::path(
    post, path = "/v1/devices/{id}/revoke", tag = "devices",
    params(("id" = String, Path, description = "The device", example = "dev_0123456789abcdefghjkmnpqrs")),
    request_body(content = RevokeDevice, example = json!({
        "roster_entry": "pABYIAE", "epoch": { "statement": "pABYIAE", "bundle": "pABYIAE", "roster_entry": "pABYIAE" }
    })),
    responses((status = 204, description = "Revoked"), Private, Signed, Any),
)]
pub(super) async fn revoke(
    State(directory): State<Shared>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Json(request): Json<RevokeDevice>,
) -> Result<StatusCode, Problem> {
    devices::revoke(&directory, &caller, id, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
