//! `GET /v1/tenants` and `GET /v1/tenants/{tenant}`: the dealer's administration.

use axum::extract::State;
use axum::response::Response;
use siegel_api::page::PageQuery;
use siegel_api::problem::ProblemBody;
use siegel_api::tenants::{Tenant, TenantPage};
use siegel_domain::{Permission, TenantId};
use siegel_platform::Problem;
use siegel_platform::auth::Caller;
use siegel_platform::http::page::page_size;
use siegel_platform::http::{Json, Path, Query};

use crate::dealer::DealerApi;

/// List own tenants
///
/// The tenants this dealer created, newest first.
#[utoipa::path(
    get, path = "/v1/tenants", operation_id = "listTenants", tag = "tenants",
    params(PageQuery),
    responses(
        (status = 200, body = TenantPage, description = "A page; ask again with `next_page_token` while there is one"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`forbidden`: for dealers only"),
    ),
)]
pub(super) async fn list_tenants(
    State(api): State<DealerApi>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<TenantPage>, Problem> {
    caller.require(Permission::ManageTenants)?;
    let dealer = caller.dealer()?;
    let size = page_size(&query)? as usize;
    let scope = dealer.to_string();
    let scope = ["tenants", scope.as_str()];
    let before: Option<(i64, TenantId)> = match &query.page_token {
        Some(token) => Some(api.pages.open(&scope, token)?),
        None => None,
    };
    // The list is in memory, oldest first; a dealer has thousands at most.
    let all = api.tenants.list();
    let older = |at: (i64, TenantId)| before.is_none_or(|before| at < before);
    let mut own = all.iter().rev().filter(|view| view.dealer == dealer && older((view.created_ms, view.id)));
    let page: Vec<_> = own.by_ref().take(size).collect();
    let next = own.next().and(page.last()).map(|last| api.pages.seal(&scope, &(last.created_ms, last.id)));
    let items = page.into_iter().map(|view| super::shown(view)).collect::<Result<_, _>>()?;
    Ok(Json(TenantPage { items, next_page_token: next }))
}

/// Show a tenant
///
/// State, comment and whether the first owner has enrolled; poll this while `phase` is `provisioning`.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}", operation_id = "getTenant", tag = "tenants",
    params(("tenant" = String, Path, description = "The tenant", example = "tnt_0123456789abcdefghjkmnpqrs")),
    responses(
        (status = 200, body = Tenant, description = "The tenant; `ETag` is what `PATCH` wants in `If-Match`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`: it does not exist, or is another dealer's"),
    ),
)]
pub(super) async fn get_tenant(
    State(api): State<DealerApi>,
    caller: Caller,
    Path(tenant): Path<TenantId>,
) -> Result<Response, Problem> {
    super::answer(&*super::of_dealer(&api, &caller, tenant)?)
}
