//! `GET /v1/audit`: who did what (I02, I04, K01).

use axum::extract::State;
use siegel_api::page::PageQuery;
use siegel_api::problem::ProblemBody;
use siegel_api::retention::{AuditPage, AuditQuery};
use siegel_domain::Permission;
use siegel_platform::Problem;
use siegel_platform::auth::Caller;
use siegel_platform::http::page::page_size;
use siegel_platform::http::{Json, Query};

use crate::app::App;
use crate::store::audit::{self, Filter};

/// Longest text of a filter: ids and names of actions are shorter.
const FILTER_BYTES: usize = 64;

/// List the audit trail
///
/// What members, senders, dealers and the platform did in this tenant; ids only. Newest first.
#[utoipa::path(
    get, path = "/v1/audit", operation_id = "listAudit", tag = "retention",
    params(AuditQuery),
    responses(
        (status = 200, body = AuditPage, description = "A page; ask again with `next_page_token` while there is one", example = json!({
            "items": [{
                "sequence": 7, "time_ms": 1800000000000_i64, "actor": "snd_0123456789abcdefghjkmnpqrs",
                "device": "dev_0123456789abcdefghjkmnpqrs", "action": "record.commit",
                "object": "rec_0123456789abcdefghjkmnpqrs", "outcome": "ok"
            }],
            "next_page_token": null
        })),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`forbidden`: the role does not allow it"),
    ),
)]
pub(super) async fn list_audit(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    caller.require(Permission::SeeAudit)?;
    let tenant = caller.tenant_id()?;
    let size = page_size(&PageQuery { page_size: query.page_size, page_token: None })?;
    let filter = Filter {
        object: bounded("object", query.object)?,
        actor: bounded("actor", query.actor)?,
        action: bounded("action", query.action)?,
    };
    let tenant_text = tenant.to_string();
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let filters = [text(&filter.object), text(&filter.actor), text(&filter.action)];
    let scope = ["audit", tenant_text.as_str(), &filters[0], &filters[1], &filters[2]];
    let before: Option<i64> = match &query.page_token {
        Some(token) => Some(app.pages.open(&scope, token)?),
        None => None,
    };
    let db = app.dbs.get(tenant).await?;
    let mut items = audit::page(&db, &filter, before, size + 1).await?;
    let more = items.len() > size as usize;
    items.truncate(size as usize);
    let next = items.last().filter(|_| more).map(|last| app.pages.seal(&scope, &last.sequence));
    Ok(Json(AuditPage { items, next_page_token: next }))
}

fn bounded(field: &'static str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > FILTER_BYTES => Err(Problem::invalid(field, "is too long")),
        text => Ok(text),
    }
}
