//! `/v1/records`, but the parts.

use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::from_fn_with_state;
use serde::de::DeserializeOwned;
use siegel_api::problem::ProblemBody;
use siegel_api::records::{
    AddGrants, CommitAnswer, CommitUpload, Fetched, OpenUpload, Record, RecordPage, RecordQuery, SmallRecord,
    UploadStatus,
};
use siegel_domain::limits::COMMIT_BODY_BYTES;
use siegel_domain::{Permission, RecordId};
use siegel_platform::Problem;
use siegel_platform::auth::Caller;
use siegel_platform::http::idempotency::{Answer, IdempotencyKey, Scope};
use siegel_platform::http::{BodyLimit, HashedJson, Json, Path, Query, body_limit};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Actor;
use crate::app::App;
use crate::receive::{in_time, shares};
use crate::{commit, fetched, grants, list, open, read, small};

/// The routes; those that carry manifests and small records take larger bodies.
pub(super) fn routes() -> OpenApiRouter<App> {
    let large = OpenApiRouter::new()
        .routes(routes!(post_small))
        .routes(routes!(post_commit))
        .route_layer(from_fn_with_state(BodyLimit(COMMIT_BODY_BYTES), body_limit));
    OpenApiRouter::new()
        .routes(routes!(post_record, get_records))
        .routes(routes!(get_record))
        .routes(routes!(get_upload))
        .routes(routes!(post_grants))
        .routes(routes!(post_fetched))
        .merge(large)
}

/// Opens an upload.
///
/// The client draws the record's id, since sealing binds it. Repeating the request with the same values is answered alike
/// and says which parts are acknowledged: that is how an upload is resumed.
#[utoipa::path(
    post, path = "/v1/records", tag = "records", operation_id = "openUpload",
    request_body(content = OpenUpload, example = json!({
        "record": "rec_01h2xcejqtf2nbrexx3vqjhp41", "kind": "recording", "return_report": true
    })),
    responses(
        (status = 200, description = "The upload, as it stands", body = UploadStatus),
        (status = 404, description = "No such conversation, or no such record to answer", body = ProblemBody),
        (status = 409, description = "`already-exists`, `report-not-wanted`, `limit-reached`, `jurisdiction`", body = ProblemBody),
    )
)]
async fn post_record(
    State(app): State<App>,
    caller: Caller,
    Json(wish): Json<OpenUpload>,
) -> Result<Json<UploadStatus>, Problem> {
    caller.require(Permission::Send)?;
    let actor = Actor::of(&app, &caller)?.about(wish.record);
    open::open(&app, &actor, &wish).await.map(Json)
}

/// Lists records.
///
/// `inbox`: granted to the caller or, for members, to their institution. `sent`: sealed by them. Newest first; manifests
/// are left out.
#[utoipa::path(
    get, path = "/v1/records", tag = "records", operation_id = "listRecords",
    params(RecordQuery),
    responses((status = 200, description = "A page", body = RecordPage))
)]
async fn get_records(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<RecordQuery>,
) -> Result<Json<RecordPage>, Problem> {
    let actor = Actor::of(&app, &caller)?;
    list::list(&app, &actor, &query).await.map(Json)
}

/// Gives a record with everything its recipient needs to open it, but the parts.
#[utoipa::path(
    get, path = "/v1/records/{record}", tag = "records", operation_id = "getRecord",
    params(("record" = String, Path, description = "The record", example = "rec_01h2xcejqtf2nbrexx3vqjhp41")),
    responses(
        (status = 200, description = "The record", body = Record),
        (status = 404, description = "No such record for the caller", body = ProblemBody),
        (status = 410, description = "It was erased", body = ProblemBody),
    )
)]
async fn get_record(
    State(app): State<App>,
    caller: Caller,
    Path(record): Path<RecordId>,
) -> Result<Json<Record>, Problem> {
    let actor = Actor::of(&app, &caller)?.about(record);
    read::read(&app, &actor, record).await.map(Json)
}

/// Says how an upload of the caller's stands.
#[utoipa::path(
    get, path = "/v1/records/{record}/upload", tag = "records", operation_id = "getUpload",
    params(("record" = String, Path, description = "The record")),
    responses(
        (status = 200, description = "State and acknowledged parts", body = UploadStatus),
        (status = 404, description = "Not an upload of the caller's", body = ProblemBody),
    )
)]
async fn get_upload(
    State(app): State<App>,
    caller: Caller,
    Path(record): Path<RecordId>,
) -> Result<Json<UploadStatus>, Problem> {
    let actor = Actor::of(&app, &caller)?.about(record);
    open::progress(&app, &actor, record).await.map(Json)
}

/// Commits an upload.
///
/// Checks the signed manifest against the parts that lie here, and each grant against its recipient's current key; gives
/// the platform's signed receipt. Repeated with the same manifest it gives the same receipt.
#[utoipa::path(
    post, path = "/v1/records/{record}/commit", tag = "records", operation_id = "commitUpload",
    params(("record" = String, Path, description = "The record")),
    request_body = CommitUpload,
    responses(
        (status = 200, description = "Committed", body = CommitAnswer),
        (status = 409, description = "`part-missing`, `epoch-changed` (seal the grants anew), `record-state`", body = ProblemBody),
        (status = 422, description = "`manifest-refused`, `grant-refused`, `signature-refused`, `recipient-unknown`", body = ProblemBody),
        (status = 503, description = "`zone-unavailable`: the institution wants both zones", body = ProblemBody),
    )
)]
async fn post_commit(
    State(app): State<App>,
    caller: Caller,
    Path(record): Path<RecordId>,
    request: Request,
) -> Result<Json<CommitAnswer>, Problem> {
    caller.require(Permission::Send)?;
    let actor = Actor::of(&app, &caller)?.about(record);
    let (body, _held) = within_budget(&app, &actor, request).await?;
    commit::commit(&app, &actor, record, body).await.map(Json)
}

/// Takes a record of at most 1 MiB in one request.
///
/// Opening, part and commit at once. Repeated with the same manifest it gives the same receipt.
#[utoipa::path(
    post, path = "/v1/records/small", tag = "records", operation_id = "putSmallRecord",
    request_body = SmallRecord,
    responses(
        (status = 200, description = "Committed", body = CommitAnswer),
        (status = 409, description = "`already-exists`, `epoch-changed`, `report-not-wanted`", body = ProblemBody),
        (status = 413, description = "More than 1 MiB: upload it in parts", body = ProblemBody),
        (status = 422, description = "`manifest-refused`, `grant-refused`, `signature-refused`, `recipient-unknown`", body = ProblemBody),
        (status = 503, description = "`zone-unavailable`", body = ProblemBody),
    )
)]
async fn post_small(State(app): State<App>, caller: Caller, request: Request) -> Result<Json<CommitAnswer>, Problem> {
    caller.require(Permission::Send)?;
    let actor = Actor::of(&app, &caller)?;
    let (body, _held) = within_budget::<SmallRecord>(&app, &actor, request).await?;
    let actor = actor.about(body.open.record);
    small::small(&app, &actor, body).await.map(Json)
}

/// Passes a record on, or seals it anew for a new key.
///
/// By the sender, or by a member of a recipient that the sender named.
#[utoipa::path(
    post, path = "/v1/records/{record}/grants", tag = "records", operation_id = "addGrants",
    params(("record" = String, Path, description = "The record")),
    request_body = AddGrants,
    responses(
        (status = 204, description = "Added"),
        (status = 403, description = "`forbidden`: a further recipient can't pass it on", body = ProblemBody),
        (status = 409, description = "`epoch-changed`", body = ProblemBody),
        (status = 422, description = "`grant-refused`, `recipient-unknown`", body = ProblemBody),
    )
)]
async fn post_grants(
    State(app): State<App>,
    caller: Caller,
    Path(record): Path<RecordId>,
    Json(wish): Json<AddGrants>,
) -> Result<StatusCode, Problem> {
    caller.require(Permission::Send)?;
    let actor = Actor::of(&app, &caller)?.about(record);
    grants::add(&app, &actor, record, &wish).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says that the record was fetched and opened whole: its year starts anew.
///
/// Send an `Idempotency-Key`, so that a repetition counts once.
#[utoipa::path(
    post, path = "/v1/records/{record}/fetched", tag = "records", operation_id = "recordFetched",
    params(
        ("record" = String, Path, description = "The record"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-128 visible characters"),
    ),
    request_body = Fetched,
    responses(
        (status = 204, description = "Counted"),
        (status = 422, description = "`manifest-refused`: the hash is of another manifest", body = ProblemBody),
    )
)]
async fn post_fetched(
    State(app): State<App>,
    caller: Caller,
    Path(record): Path<RecordId>,
    IdempotencyKey(key): IdempotencyKey,
    body: HashedJson<Fetched>,
) -> Result<Answer, Problem> {
    let actor = Actor::of(&app, &caller)?.about(record);
    let mut asked = blake3::Hasher::new();
    asked.update(record.as_bytes()).update(&body.hash);
    let scope = Scope {
        key,
        tenant: caller.tenant,
        principal: caller.principal,
        route: "POST /v1/records/{record}/fetched",
        body_hash: asked.finalize().into(),
    };
    fetched::fetched(&app, &actor, record, &body.value, &scope).await
}

/// Reads a JSON body that may be large, after taking its size from the process' byte budget.
async fn within_budget<T: DeserializeOwned>(
    app: &App,
    actor: &Actor,
    request: Request,
) -> Result<(T, siegel_platform::budget::Held), Problem> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = declared.unwrap_or(COMMIT_BODY_BYTES as u64).min(COMMIT_BODY_BYTES as u64);
    // The body as it came, what it holds, and one copy on the way from the one to the other.
    let held = app.budget.take_of(&shares(actor), 3 * bytes, app.budget_wait_ms()).await?;
    let Json(body) = in_time(app, Json::from_request(request, &())).await?;
    Ok((body, held))
}
