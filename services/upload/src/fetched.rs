//! The client opened the last chunk: the record was fetched whole, and its year starts anew (C11). Only who holds the
//! manifest can say so, and only of this one.

use siegel_api::records::Fetched;
use siegel_domain::RecordId;
use siegel_platform::http::idempotency::{Answer, Scope, once};
use siegel_platform::log;
use siegel_platform::{Problem, Reason};
use siegel_proto::events::v1::RecordFetched;
use siegel_proto::events::v1::event::Data;

use crate::access::{Actor, readable};
use crate::app::App;
use crate::store::parties;

/// Counts a complete fetch. With an idempotency key in `scope`, a repetition counts once.
pub async fn fetched(
    app: &App,
    actor: &Actor,
    record: RecordId,
    wish: &Fetched,
    scope: &Scope,
) -> Result<Answer, Problem> {
    let db = app.db(actor).await?;
    let (row, known) = readable(&db, actor, record).await?;
    if row.manifest_hash.is_none_or(|hash| hash.as_bytes().as_slice() != wish.manifest_hash.0) {
        return Err(Problem::new(Reason::ManifestRefused).field("manifest_hash", "is not of this record's manifest"));
    }
    let event = &RecordFetched {
        record: record.to_string(),
        party: actor.reads_as.first().map(ToString::to_string).unwrap_or_default(),
        policy: row.policy.as_str().to_owned(),
        sender: row.sender.map(|sender| sender.to_string()).unwrap_or_default(),
        recipients: known.iter().filter(|row| !row.is_sender).map(|row| row.party.to_string()).collect(),
        latest_ms: app.guard.latest().0,
    };
    let now = app.ctx.clock.now();
    once(&db, "record.fetched", scope, now, |tx| {
        Box::pin(async move {
            parties::fetched(tx, record, &actor.principal.to_string(), now).await?;
            let tenant = actor.tenant_id();
            log::emit(tx, app.source.event(tenant, record, Data::RecordFetched(event.clone()))).await?;
            log::audit(tx, app.source.audit_by(tenant, actor.who(), "record.fetched", record)).await?;
            Ok(Answer::empty(http::StatusCode::NO_CONTENT))
        })
    })
    .await
}
