//! `GET /v1/retention/records/{record}` (C11).

use axum::extract::State;
use siegel_api::problem::ProblemBody;
use siegel_api::retention::Deadline;
use siegel_domain::RecordId;
use siegel_platform::auth::Caller;
use siegel_platform::http::{Json, Path};
use siegel_platform::{Problem, Reason};

use crate::access;
use crate::app::App;
use crate::store::deadlines;

/// Show when a record falls due
///
/// The moment at which it is erased by itself if nobody fetches it before. Every complete fetch moves it.
#[utoipa::path(
    get, path = "/v1/retention/records/{record}", operation_id = "getDeadline", tag = "retention",
    params(("record" = String, Path, description = "The record", example = "rec_0123456789abcdefghjkmnpqrs")),
    responses(
        (status = 200, body = Deadline, description = "Its policy and deadline", example = json!({
            "record": "rec_0123456789abcdefghjkmnpqrs", "policy": "unfetched-365d", "due_ms": 1831536000000_i64
        })),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`: unknown here, being erased, or no concern of the caller's"),
    ),
)]
pub(super) async fn get_deadline(
    State(app): State<App>,
    caller: Caller,
    Path(record): Path<RecordId>,
) -> Result<Json<Deadline>, Problem> {
    let (tenant, party) = access::viewer(&caller)?;
    let db = app.dbs.get(tenant).await?;
    if let Some(party) = party
        && !deadlines::concerns(&db, record, party).await?
    {
        return Err(Reason::NotFound.into());
    }
    let deadline = deadlines::get(&db, record).await?.ok_or(Problem::new(Reason::NotFound))?;
    Ok(Json(Deadline { record, policy: deadline.policy.as_str().to_owned(), due_ms: deadline.due.0 }))
}
