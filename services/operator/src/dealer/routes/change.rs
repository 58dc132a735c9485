//! `PATCH /v1/tenants/{tenant}`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use siegel_api::problem::ProblemBody;
use siegel_api::tenants::{PatchTenant, Tenant};
use siegel_crds::{TenantSpec, Violation, rules};
use siegel_domain::TenantId;
use siegel_platform::auth::Caller;
use siegel_platform::http::etag::require_match;
use siegel_platform::http::{Json, Path};
use siegel_platform::log::audit;
use siegel_platform::{Problem, Reason};

use crate::dealer::DealerApi;
use crate::store;

/// Change a tenant
///
/// The comment, what happens while a zone is lost, the share of the platform, and, as long as no owner has enrolled, a new code for the first owner.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}", operation_id = "changeTenant", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The tenant", example = "tnt_0123456789abcdefghjkmnpqrs"),
        ("if-match" = String, Header, description = "The ETag of the version that is changed", example = "\"3\""),
    ),
    request_body(content = PatchTenant, example = json!({ "comment": "K-4712" })),
    responses(
        (status = 200, body = Tenant, description = "The tenant as it is now"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`: each field that is refused is named"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json", description = "`invite-used`: the first owner has enrolled, there is no code to replace"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`precondition-failed`: someone else changed it"),
        (status = 428, body = ProblemBody, content_type = "application/problem+json", description = "`precondition-required`: `If-Match` is missing"),
    ),
)]
pub(super) async fn change_tenant(
    State(api): State<DealerApi>,
    caller: Caller,
    Path(tenant): Path<TenantId>,
    headers: HeaderMap,
    Json(patch): Json<PatchTenant>,
) -> Result<Response, Problem> {
    let view = super::of_dealer(&api, &caller, tenant)?;
    require_match(&headers, view.version)?;
    let old = store::spec(&view);
    let new = patched(&api, &old, patch);
    if view.owner_enrolled && old.owner_auth_hash != new.owner_auth_hash {
        return Err(
            Problem::new(Reason::InviteUsed).detail("The first owner has enrolled; colleagues invite the others.")
        );
    }
    let mut violations = rules::validate_change(&old, &new, view.owner_enrolled);
    let most = api.config.quota_percent_most;
    if new.quota_percent > most.max(old.quota_percent) {
        let reason = format!("must be at most {most}; the provider gives more");
        violations.push(Violation { field: "quota_percent", reason });
    }
    if !violations.is_empty() {
        return Err(super::refused(violations));
    }
    if new != old {
        let entry = api.source.audit_by(tenant, caller.who(), "tenant.change", tenant);
        let (new, entry, version) = (&new, &entry, view.version);
        api.tenants
            .change("tenant.change", |tx| {
                Box::pin(async move {
                    if !store::write_spec(tx, tenant, version, new).await? {
                        return Err(Problem::new(Reason::PreconditionFailed));
                    }
                    Ok(audit(tx, entry.clone()).await?)
                })
            })
            .await?;
    }
    super::answer(&*super::of_dealer(&api, &caller, tenant)?)
}

fn patched(api: &DealerApi, old: &TenantSpec, patch: PatchTenant) -> TenantSpec {
    let new_code = patch.owner_auth_hash.is_some();
    TenantSpec {
        comment: patch.comment.map_or_else(|| old.comment.clone(), |comment| comment.trim().to_owned()),
        quota_percent: patch.quota_percent.unwrap_or(old.quota_percent),
        durability: patch.durability.map_or(old.durability, store::durability),
        owner_auth_hash: patch.owner_auth_hash.map_or_else(|| old.owner_auth_hash.clone(), |hash| hex::encode(&*hash)),
        owner_code_expires_ms: if new_code { api.owner_code_expires_ms() } else { old.owner_code_expires_ms },
        ..old.clone()
    }
}
