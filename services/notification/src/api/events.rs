//! `GET /v1/events`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::Sse;
use axum::response::{IntoResponse, Response};
use siegel_api::events::{Event, EventQuery};
use siegel_api::problem::ProblemBody;
use siegel_domain::TenantId;
use siegel_platform::Problem;
use siegel_platform::auth::{Auth, Caller};
use siegel_platform::http::Query;

use crate::app::App;
use crate::audience::Audience;
use crate::convert::TYPES;
use crate::position::{Position, SOURCES};
use crate::stream::{Listener, stream};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies of the nginx family not to collect what is to be heard at once.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Listen to what happens
///
/// Server-sent events, ids only. Members hear everything of their tenant; a sender hears what is about itself, its
/// records, and records that were granted to it. Each event's `id` is a position: send the last one back as
/// `Last-Event-ID`, to any server, and nothing is missed or told twice. Without it the stream begins now. A comment every
/// 15 s keeps the line open. The stream ends with the session, and when the server is about to stop: open another one.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "streamEvents", tag = "events",
    params(
        EventQuery,
        ("last-event-id" = Option<String>, Header, description = "The `id` of the last event that was heard"),
    ),
    responses(
        (status = 200, body = Event, content_type = "text/event-stream", description = "Events as they happen, `data` being one of these", example = json!({
            "specversion": "1.0", "id": "evt_0123456789abcdefghjkmnpqrs", "type": "siegel.record.committed.v1",
            "source": "/siegel/upload", "subject": "rec_0123456789abcdefghjkmnpqrs", "time_ms": 1800000000000_i64,
            "data": { "record": "rec_0123456789abcdefghjkmnpqrs", "sender": "snd_0123456789abcdefghjkmnpqrs", "kind": "recording" }
        })),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid-request`: an unknown type, or a position that is not one"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`forbidden`: dealers have no events"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "`rate-limited`: too many streams of this principal or tenant"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "`over-capacity`: too many streams at this server"),
    ),
)]
pub(super) async fn stream_events(
    State(app): State<App>,
    caller: Caller,
    auth: Option<Extension<Arc<Auth>>>,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let audience = Audience::of(&caller)?;
    let tenant = caller.tenant_id()?;
    let types = types(query.types.as_deref())?;
    // The place first: what is committed while we look where the logs end wakes us.
    let seat = app.hub.sit(tenant, caller.principal)?;
    let position = begin(&app, tenant, &headers).await?;
    let auth = auth.map(|Extension(auth)| auth);
    let events = stream(Listener { app, auth, caller, tenant, audience, types, position, seat });
    Ok(([(CACHE_CONTROL, "no-store"), (ACCEL_BUFFERING, "no")], Sse::new(events)).into_response())
}

fn types(wanted: Option<&str>) -> Result<BTreeSet<&'static str>, Problem> {
    let words = wanted.into_iter().flat_map(|wanted| wanted.split(',')).map(str::trim);
    let known = |word: &str| TYPES.into_iter().find(|known| *known == word);
    words
        .map(|word| known(word).ok_or_else(|| Problem::invalid("types", "names a type that is not streamed")))
        .collect()
}

/// Behind the last event that was heard, or at the end of all logs. A position beyond the end is one of before a restore;
/// it is brought back to the end, or nothing would be heard until the log has grown past it.
async fn begin(app: &App, tenant: TenantId, headers: &HeaderMap) -> Result<Position, Problem> {
    let mut position = match headers.get(LAST_EVENT_ID) {
        Some(value) => {
            let read = value.to_str().ok().and_then(|text| Position::from_text(text).ok());
            Some(read.ok_or_else(|| Problem::invalid("Last-Event-ID", crate::position::NotAPosition.to_string()))?)
        }
        None => None,
    };
    let mut ends = Position::default();
    for (source, letter) in SOURCES {
        let end = app.ctx.log.end(source, tenant).await?;
        ends.set(letter, end);
        if let Some(position) = &mut position
            && position.of(letter) > end
        {
            position.set(letter, end);
        }
    }
    Ok(position.unwrap_or(ends))
}
