//! `GET /v1/tenants/self`: what the centre may know of itself, the dealer's comment included (C08).

use axum::extract::State;
use axum::response::Response;
use siegel_api::problem::ProblemBody;
use siegel_api::tenants::Tenant;
use siegel_domain::Permission;
use siegel_platform::auth::Caller;
use siegel_platform::{Problem, Reason};

use crate::dealer::DealerApi;

/// Show the own tenant
///
/// For its members. Shows everything the dealer sees, so that nothing is noted about an institution behind its back.
#[utoipa::path(
    get, path = "/v1/tenants/self", operation_id = "getOwnTenant", tag = "tenants",
    responses(
        (status = 200, body = Tenant, description = "The caller's tenant"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`forbidden`, `not-confirmed`: for confirmed members only"),
    ),
)]
pub(super) async fn own_tenant(State(api): State<DealerApi>, caller: Caller) -> Result<Response, Problem> {
    caller.require(Permission::ReadMailbox)?;
    let view = api.tenants.get(caller.tenant_id()?).ok_or(Problem::new(Reason::NotFound))?;
    super::answer(&view)
}
