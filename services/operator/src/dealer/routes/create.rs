//! `POST /v1/tenants` (C01).

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use siegel_api::problem::ProblemBody;
use siegel_api::tenants::{CreateTenant, Tenant};
use siegel_crds::{TenantSpec, rules};
use siegel_domain::limits::QUOTA_PERCENT_DEFAULT;
use siegel_domain::{Permission, TenantId};
use siegel_platform::auth::Caller;
use siegel_platform::db::{self, violated};
use siegel_platform::http::HashedJson;
use siegel_platform::http::idempotency::{Answer, IdempotencyKey, Scope, once};
use siegel_platform::log::audit;
use siegel_platform::tenants::{NewTenant, insert};
use siegel_platform::{Problem, Reason};

use crate::dealer::DealerApi;
use crate::pipeline::validate::outside;
use crate::store;

/// Create a tenant
///
/// Sets an institution up and waits briefly until it is ready; if it takes longer the answer says `provisioning`, and
/// `GET /v1/tenants/{tenant}` shows how far it is. The dealer's client makes the first owner's code and sends only a hash
/// derived from it; the dealer never holds a key.
#[utoipa::path(
    post, path = "/v1/tenants", operation_id = "createTenant", tag = "tenants",
    params(("idempotency-key" = Option<String>, Header, description = "Makes the request safe to repeat for 24 h")),
    request_body(content = CreateTenant, example = json!({
        "handle": "herzzentrum-nord", "display_name": "Herzzentrum Nord", "comment": "K-4711", "jurisdiction": "EU",
        "durability": "available", "owner_auth_hash": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"
    })),
    responses(
        (status = 201, body = Tenant, description = "It exists; `phase` says whether it is ready", example = json!({
            "id": "tnt_0123456789abcdefghjkmnpqrs", "handle": "herzzentrum-nord", "display_name": "Herzzentrum Nord",
            "comment": "K-4711", "jurisdiction": "EU", "durability": "available", "quota_percent": 100, "phase": "ready",
            "conditions": [{ "type": "Ready", "status": "True", "reason": "AllInPlace", "message": "Everything is there." }],
            "owner_code_expires_ms": 1801209600000_i64, "owner_enrolled": false, "created_ms": 1800000000000_i64, "etag": "\"1\""
        })),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`: each field that is refused is named"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`forbidden`: for dealers only"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`handle-taken`, `jurisdiction` (a zone lies outside it, C12), `limit-reached`, `idempotency-mismatch`"),
    ),
)]
pub(super) async fn create_tenant(
    State(api): State<DealerApi>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: HashedJson<CreateTenant>,
) -> Result<Response, Problem> {
    caller.require(Permission::ManageTenants)?;
    let dealer = caller.dealer()?;
    let spec = TenantSpec {
        handle: body.value.handle,
        display_name: body.value.display_name.trim().to_owned(),
        dealer,
        comment: body.value.comment.trim().to_owned(),
        jurisdiction: body.value.jurisdiction,
        durability: store::durability(body.value.durability),
        quota_percent: QUOTA_PERCENT_DEFAULT,
        owner_auth_hash: hex::encode(&*body.value.owner_auth_hash),
        owner_code_expires_ms: api.owner_code_expires_ms(),
    };
    let violations = rules::validate(&spec);
    if !violations.is_empty() {
        return Err(super::refused(violations));
    }
    if let Some(sentence) = outside(&spec.jurisdiction, &api.zones) {
        return Err(Problem::new(Reason::Jurisdiction).detail(sentence));
    }

    let now = api.clock.now();
    let new = NewTenant {
        id: TenantId::from_bytes(api.rng.bytes()),
        dealer,
        handle: spec.handle,
        display_name: spec.display_name,
        comment: spec.comment,
        durability: body.value.durability,
        jurisdiction: spec.jurisdiction,
        owner_invite_auth_hash: body.value.owner_auth_hash.0,
        owner_code_expires_ms: spec.owner_code_expires_ms,
        created: now,
    };
    let most = i64::from(api.config.tenants_per_dealer);
    let entry = api.source.audit_by(new.id, caller.who(), "tenant.create", new.id);
    let scope =
        Scope { key, tenant: None, principal: caller.principal, route: "POST /v1/tenants", body_hash: body.hash };
    let (new, entry) = (&new, &entry);
    let made = once(api.tenants.db(), "tenant.create", &scope, now, |tx| {
        Box::pin(async move {
            let (have,): (i64,) = db::query_as("SELECT COUNT(*) FROM tenants WHERE dealer = $1")
                .bind(new.dealer.to_string())
                .fetch_one(&mut **tx)
                .await?;
            if have >= most {
                return Err(Reason::LimitReached.into());
            }
            insert(tx, new).await.map_err(|error| match violated(&error).as_deref() {
                Some("tenants.handle") => Problem::new(Reason::HandleTaken).field("handle", "is taken; choose another"),
                _ => error.into(),
            })?;
            audit(tx, entry.clone()).await?;
            // Only the id: a repetition is shown the tenant as it is by then.
            Ok(Answer::json(StatusCode::CREATED, &new.id))
        })
    })
    .await?;
    let id: TenantId = serde_json::from_slice(&made.body).map_err(Problem::internal)?;
    api.tenants.reload().await?;
    api.reconcile(id).await;
    api.tenants.refresh().await?;
    let view = api.tenants.get(id).ok_or(Problem::new(Reason::NotFound))?;
    let mut response = super::answer(&view)?;
    *response.status_mut() = StatusCode::CREATED;
    let location = HeaderValue::try_from(format!("/v1/tenants/{id}")).map_err(Problem::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}
