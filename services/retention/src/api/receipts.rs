//! `GET /v1/receipts` and `GET /v1/receipts/{receipt}`: what is left of what was erased.

use axum::extract::State;
use siegel_api::page::PageQuery;
use siegel_api::problem::ProblemBody;
use siegel_api::retention::{Receipt, ReceiptPage, ReceiptQuery};
use siegel_domain::ReceiptId;
use siegel_platform::auth::Caller;
use siegel_platform::http::page::page_size;
use siegel_platform::http::{Json, Path, Query};
use siegel_platform::{Problem, Reason};

use crate::access;
use crate::app::App;
use crate::store::receipts;

/// List receipts
///
/// Members see all of their tenant; a sender sees those of records that concerned it. Newest first.
#[utoipa::path(
    get, path = "/v1/receipts", operation_id = "listReceipts", tag = "retention",
    params(ReceiptQuery),
    responses(
        (status = 200, body = ReceiptPage, description = "A page; ask again with `next_page_token` while there is one"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`"),
    ),
)]
pub(super) async fn list_receipts(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ReceiptQuery>,
) -> Result<Json<ReceiptPage>, Problem> {
    let (tenant, party) = access::viewer(&caller)?;
    let size = page_size(&PageQuery { page_size: query.page_size, page_token: None })?;
    let of = query.record.map(|record| record.to_string()).unwrap_or_default();
    let (tenant_text, party_text) = (tenant.to_string(), party.map(|party| party.to_string()).unwrap_or_default());
    let scope = ["receipts", tenant_text.as_str(), party_text.as_str(), of.as_str()];
    let before: Option<(i64, ReceiptId)> = match &query.page_token {
        Some(token) => Some(app.pages.open(&scope, token)?),
        None => None,
    };
    let db = app.dbs.get(tenant).await?;
    let mut items = receipts::page(&db, query.record, party, before, size + 1).await?;
    let more = items.len() > size as usize;
    items.truncate(size as usize);
    let next = items.last().filter(|_| more).map(|last| app.pages.seal(&scope, &(last.created_ms, last.id)));
    Ok(Json(ReceiptPage { items, next_page_token: next }))
}

/// Show a receipt
///
/// The signed bytes can be verified offline with the platform's statement key (`GET /v1/info`).
#[utoipa::path(
    get, path = "/v1/receipts/{receipt}", operation_id = "getReceipt", tag = "retention",
    params(("receipt" = String, Path, description = "The receipt", example = "rcp_0123456789abcdefghjkmnpqrs")),
    responses(
        (status = 200, body = Receipt, description = "The receipt"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`: it does not exist, or is no concern of the caller's"),
    ),
)]
pub(super) async fn get_receipt(
    State(app): State<App>,
    caller: Caller,
    Path(receipt): Path<ReceiptId>,
) -> Result<Json<Receipt>, Problem> {
    let (tenant, party) = access::viewer(&caller)?;
    let db = app.dbs.get(tenant).await?;
    receipts::get(&db, receipt, party).await?.map(Json).ok_or(Problem::new(Reason::NotFound))
}
