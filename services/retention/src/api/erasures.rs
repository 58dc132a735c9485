//! `POST /v1/retention/erasures` and `GET /v1/retention/erasures/{job}` (M06).

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use siegel_api::problem::ProblemBody;
use siegel_api::retention::{EraseTarget, Erasure, ErasureState};
use siegel_domain::{JobId, Permission, TenantId};
use siegel_platform::auth::Caller;
use siegel_platform::clock::within;
use siegel_platform::http::{Json, Path};
use siegel_platform::{Problem, Reason};

use crate::access;
use crate::app::App;
use crate::erase;
use crate::store::erasures::{self, Cause, NewErasure};

/// Erase at once and for good
///
/// A record, or a conversation with all its records. Keys are destroyed first, so from then on nobody can read it; then
/// the objects in both zones are deleted and looked for again, and a receipt is signed. Waits a moment for the end; if a
/// zone is away the answer is `running`, names it in `waiting_for`, and `GET` shows how far it is. Asking again for the
/// same target answers with the same erasure, so no idempotency key is needed. It can't be undone.
#[utoipa::path(
    post, path = "/v1/retention/erasures", operation_id = "erase", tag = "retention",
    request_body(content = EraseTarget, example = json!({ "record": "rec_0123456789abcdefghjkmnpqrs" })),
    responses(
        (status = 200, body = Erasure, description = "Erased; the receipts are there", example = json!({
            "id": "job_0123456789abcdefghjkmnpqrs", "target": { "record": "rec_0123456789abcdefghjkmnpqrs" },
            "state": "done", "records_total": 1, "records_erased": 1, "waiting_for": null,
            "receipts": ["rcp_0123456789abcdefghjkmnpqrs"], "created_ms": 1800000000000_i64
        })),
        (status = 202, body = Erasure, description = "Under way; look again at `Location`"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`forbidden`, `not-confirmed`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`: it does not exist here, or is not the caller's to erase"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`record-state`: the upload was never committed"),
    ),
)]
pub(super) async fn erase(
    State(app): State<App>,
    caller: Caller,
    Json(target): Json<EraseTarget>,
) -> Result<Response, Problem> {
    caller.require(Permission::Erase)?;
    let (tenant, actor) = (caller.tenant_id()?, caller.principal.to_string());
    let db = app.dbs.get(tenant).await?;
    let job = match erasures::asked_before(&db, &target, &actor).await? {
        Some(job) => job,
        None => begin(&app, &caller, tenant, target).await?,
    };
    run_for_a_moment(&app, tenant).await;
    let (erasure, _) = read(&app, tenant, job).await?;
    let status = if erasure.state == ErasureState::Done { StatusCode::OK } else { StatusCode::ACCEPTED };
    let location = HeaderValue::try_from(format!("/v1/retention/erasures/{job}")).map_err(Problem::internal)?;
    Ok((status, [(LOCATION, location)], Json(erasure)).into_response())
}

async fn begin(app: &App, caller: &Caller, tenant: TenantId, target: EraseTarget) -> Result<JobId, Problem> {
    let second = access::may_erase(app, caller, &target).await?;
    let new = NewErasure {
        id: JobId::from_bytes(app.ctx.rng.bytes()),
        cause: Cause::Asked,
        target,
        second,
        actor: caller.principal.to_string(),
        device: caller.device.to_string(),
        created: app.ctx.clock.now(),
    };
    erase::begin(app, tenant, new).await
}

/// The first run, which makes the record unreadable, does not wait for the worker's turn. It is a task of its own: whoever
/// hangs up does not stop it half-way.
async fn run_for_a_moment(app: &App, tenant: TenantId) {
    let run = {
        let app = app.clone();
        app.ctx.tasks.clone().spawn("retention.erase_now", async move {
            if let Err(error) = erase::run_tenant(&app, tenant).await {
                tracing::error!(%tenant, %error, "erasing waits for the database");
            }
        })
    };
    let _ = within(&*app.ctx.clock, app.config.erase_wait_ms.into(), run).await; // late or not, the job says how far it is
}

/// Show an erasure
///
/// For the tenant's members and for whoever asked for it.
#[utoipa::path(
    get, path = "/v1/retention/erasures/{job}", operation_id = "getErasure", tag = "retention",
    params(("job" = String, Path, description = "The erasure", example = "job_0123456789abcdefghjkmnpqrs")),
    responses(
        (status = 200, body = Erasure, description = "How far it is"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`not-found`"),
    ),
)]
pub(super) async fn get_erasure(
    State(app): State<App>,
    caller: Caller,
    Path(job): Path<JobId>,
) -> Result<Json<Erasure>, Problem> {
    let (tenant, party) = access::viewer(&caller)?;
    let (erasure, actor) = read(&app, tenant, job).await?;
    if party.is_some() && actor != caller.principal.to_string() {
        return Err(Reason::NotFound.into());
    }
    Ok(Json(erasure))
}

async fn read(app: &App, tenant: TenantId, job: JobId) -> Result<(Erasure, String), Problem> {
    let db = app.dbs.get(tenant).await?;
    erasures::get(&db, job).await?.ok_or(Problem::new(Reason::NotFound))
}
