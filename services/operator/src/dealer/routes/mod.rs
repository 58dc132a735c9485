//! `/v1/tenants`: the dealer API. A dealer sees its own tenants and nothing of their contents; another's answer 404, as
//! those that do not exist. A tenant's members see what their dealer noted about them (C08).

mod change;
mod create;
mod own;
mod read;

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use siegel_api::tenants::{Condition, Tenant};
use siegel_crds::Violation;
use siegel_domain::{Permission, TenantId};
use siegel_platform::auth::Caller;
use siegel_platform::db::DbError;
use siegel_platform::http::Json;
use siegel_platform::http::etag::{etag, etag_header};
use siegel_platform::tenants::TenantView;
use siegel_platform::{Problem, Reason};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::dealer::DealerApi;
use crate::store;

/// All routes of the dealer API.
pub fn routes() -> OpenApiRouter<DealerApi> {
    OpenApiRouter::new()
        .routes(routes!(create::create_tenant, read::list_tenants))
        .routes(routes!(own::own_tenant))
        .routes(routes!(read::get_tenant, change::change_tenant))
}

/// The row as the API shows it.
fn shown(view: &TenantView) -> Result<Tenant, DbError> {
    let object = store::object(view)?;
    let condition = |condition: siegel_crds::Condition| Condition {
        kind: condition.kind.as_str().to_owned(),
        status: condition.status.as_str().to_owned(),
        reason: condition.reason,
        message: condition.message,
    };
    Ok(Tenant {
        id: view.id,
        handle: object.spec.handle,
        display_name: object.spec.display_name,
        comment: object.spec.comment,
        jurisdiction: object.spec.jurisdiction,
        durability: view.durability,
        quota_percent: view.quota_percent,
        phase: object.status.phase.as_str().to_owned(),
        conditions: object.status.conditions.into_iter().map(condition).collect(),
        owner_code_expires_ms: view.owner_code_expires_ms,
        owner_enrolled: view.owner_enrolled,
        created_ms: view.created_ms,
        etag: etag(view.version),
    })
}

/// The answer that shows one tenant. The ETag is of what can be edited; phase and conditions move without it.
fn answer(view: &TenantView) -> Result<Response, Problem> {
    let mut headers = HeaderMap::new();
    headers.insert(ETAG, etag_header(view.version));
    Ok((headers, Json(shown(view)?)).into_response())
}

/// A dealer's tenant. Not found if it is another's, or the caller is no dealer.
fn of_dealer(api: &DealerApi, caller: &Caller, tenant: TenantId) -> Result<Arc<TenantView>, Problem> {
    caller.require(Permission::ManageTenants)?;
    let dealer = caller.dealer()?;
    let view = api.tenants.get(tenant).filter(|view| view.dealer == dealer);
    view.ok_or(Problem::new(Reason::NotFound))
}

/// All fields that were refused, in one answer.
fn refused(violations: Vec<Violation>) -> Problem {
    let start = Problem::new(Reason::InvalidRequest);
    violations.into_iter().fold(start, |problem, violation| problem.field(violation.field, violation.reason))
}
