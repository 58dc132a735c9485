//! `/v1/records/{record}/parts/{number}`: the bytes. Handlers here see the body as a stream and never as a whole.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use siegel_api::PART_DIGEST_HEADER;
use siegel_api::problem::ProblemBody;
use siegel_api::records::PartAck;
use siegel_domain::limits::PART_SEALED_BYTES;
use siegel_domain::{Permission, RecordId};
use siegel_platform::auth::Caller;
use siegel_platform::http::{BodyLimit, Json, Path, body_limit};
use siegel_platform::{Problem, Reason};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Actor;
use crate::app::App;
use crate::put_part;
use crate::range;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put_part_bytes, get_part_bytes))
        .route_layer(from_fn_with_state(BodyLimit(PART_SEALED_BYTES), body_limit))
}

/// Uploads a part.
///
/// The acknowledgement names the zones that hold it durably. The same part again is acknowledged again; other bytes for
/// an acknowledged part are refused.
#[utoipa::path(
    put, path = "/v1/records/{record}/parts/{number}", tag = "records", operation_id = "putPart",
    params(
        ("record" = String, Path, description = "The record"),
        ("number" = u32, Path, description = "Number of the part, from 0"),
        ("siegel-part-digest" = String, Header, description = "The part's digest: 32 bytes in base64url"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The sealed part, at most 8 MiB and its seals"),
    responses(
        (status = 200, description = "Acknowledged", body = PartAck),
        (status = 408, description = "`request-timeout`: it took more than 15 minutes", body = ProblemBody),
        (status = 409, description = "`part-conflict`, `record-state`", body = ProblemBody),
        (status = 413, description = "`too-large`", body = ProblemBody),
        (status = 422, description = "`digest-mismatch`: send it again", body = ProblemBody),
        (status = 429, description = "`rate-limited`: as much of yours is on its way as may be; wait as `Retry-After` says", body = ProblemBody),
        (status = 503, description = "`zone-unavailable`, `over-capacity`: wait as `Retry-After` says", body = ProblemBody),
        (status = 507, description = "`storage-full`", body = ProblemBody),
    )
)]
async fn put_part_bytes(
    State(app): State<App>,
    caller: Caller,
    Path((record, number)): Path<(RecordId, u32)>,
    request: Request,
) -> Result<Json<PartAck>, Problem> {
    caller.require(Permission::Send)?;
    let actor = Actor::of(&app, &caller)?.about(record);
    let (head, body) = request.into_parts();
    put_part::put_part(&app, &actor, (record, number), &head.headers, body).await.map(Json)
}

/// Downloads a part, or a range of it.
///
/// Every byte was compared with the signed digest before it leaves. `Range` takes one range of bytes.
#[utoipa::path(
    get, path = "/v1/records/{record}/parts/{number}", tag = "records", operation_id = "getPart",
    params(
        ("record" = String, Path, description = "The record"),
        ("number" = u32, Path, description = "Number of the part, from 0"),
        ("Range" = Option<String>, Header, description = "For example `bytes=0-31`"),
    ),
    responses(
        (status = 200, description = "The sealed part", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, description = "The range", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "No such part for the caller", body = ProblemBody),
        (status = 416, description = "`range-not-satisfiable`", body = ProblemBody),
        (status = 503, description = "`damaged`, `zone-unavailable`", body = ProblemBody),
    )
)]
async fn get_part_bytes(
    State(app): State<App>,
    caller: Caller,
    Path((record, number)): Path<(RecordId, u32)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let actor = Actor::of(&app, &caller)?.about(record);
    let part = range::find(&app, &actor, (record, number)).await?;
    let length = part.sealed_bytes;
    let etag = format!("\"{}\"", part.digest);
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // A range of something else than the client has is of no use to it (RFC 9110 § 13.1.5).
    let asked = text(RANGE).filter(|_| text(IF_RANGE).is_none_or(|known| known == etag));
    let wanted = range::wanted(asked, length).map_err(|problem| unsatisfiable(problem, length))?;
    let bytes = wanted.clone().unwrap_or(0..length);
    let stream = range::stream(&part, bytes.clone()).await?;

    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, visible(&etag));
    let digest = siegel_api::Bytes(part.digest.as_bytes().to_vec()).to_text();
    headers.insert(PART_DIGEST_HEADER, visible(&digest));
    if wanted.is_some() {
        headers.insert(CONTENT_RANGE, visible(&format!("bytes {}-{}/{length}", bytes.start, bytes.end - 1)));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

fn unsatisfiable(problem: Problem, length: u64) -> Problem {
    match problem.reason() {
        Reason::RangeNotSatisfiable => problem.header(CONTENT_RANGE, visible(&format!("bytes */{length}"))),
        _ => problem,
    }
}

/// Digits, hexadecimal and base64url, which are header values.
fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("made of digits, letters, quotes and hyphens here")
}
