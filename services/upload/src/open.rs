//! Opens an upload. Says early what would be refused at the end: a report nobody wants back, a thread that is not there.

use siegel_api::records::{OpenUpload, PartAck, UploadStatus};
use siegel_domain::time::HOUR_MS;
use siegel_domain::upload::RecordState;
use siegel_domain::{Party, RecordKind, RetentionPolicy};
use siegel_platform::db::Db;
use siegel_platform::log;
use siegel_platform::{Problem, Reason};

use crate::access::{Actor, own_upload, readable};
use crate::app::App;
use crate::conversations;
use crate::error;
use crate::store::records::{self, NewRecord, RecordRow};
use crate::store::{copies, parts};

/// Opens an upload; repeating it with the same values is answered alike.
pub async fn open(app: &App, actor: &Actor, wish: &OpenUpload) -> Result<UploadStatus, Problem> {
    let db = app.db(actor).await?;
    if let Some(row) = records::find(db.reader(), wish.record).await? {
        return repeated(app, actor, &db, wish, &row).await;
    }
    let new = &check(app, actor, &db, wish).await?;
    let limit = app.config.uploads_per_principal;
    if records::unfinished(db.reader(), actor.principal, limit).await? >= limit {
        return Err(Problem::new(Reason::LimitReached)
            .detail("Too many uploads are under way. Commit some, or wait until they are swept."));
    }
    let limit = app.ctx.quotas.records_in_flight(actor.tenant_id());
    if records::in_flight(db.reader(), limit).await? >= limit {
        return Err(app.ctx.quotas.too_many_records());
    }
    let opened = db.tx_by_row("upload.open", |tx| {
        Box::pin(async move {
            if !records::insert(tx, new, RecordState::Open).await? {
                return Ok(false);
            }
            log::audit(tx, app.source.audit_by(actor.tenant_id(), actor.who(), "upload.open", new.id)).await?;
            Ok::<_, Problem>(true)
        })
    });
    let opened = opened.await?;
    app.unfinished.mark(actor.tenant_id());
    let row = records::find(db.reader(), wish.record).await?.ok_or_else(error::not_found)?;
    if opened { status(app, &db, &row).await } else { repeated(app, actor, &db, wish, &row).await }
}

/// How an upload of the actor's stands: what is acknowledged need not be sent again.
pub async fn progress(app: &App, actor: &Actor, record: siegel_domain::RecordId) -> Result<UploadStatus, Problem> {
    let db = app.db(actor).await?;
    let row = own_upload(&db, actor, record).await?;
    status(app, &db, &row).await
}

/// Checks what can be checked before a byte travels.
pub async fn check(app: &App, actor: &Actor, db: &Db, wish: &OpenUpload) -> Result<NewRecord, Problem> {
    if !app.ctx.zones.outside(&actor.tenant.jurisdiction).is_empty() {
        return Err(Reason::Jurisdiction.into());
    }
    if let Some(conversation) = wish.conversation {
        conversations::joinable(db, actor, conversation).await?;
    }
    if let Some(answered) = wish.answers {
        let (answered, _) = readable(db, actor, answered).await?;
        if wish.kind == RecordKind::Report && !answered.return_report {
            return Err(Problem::new(Reason::ReportNotWanted)
                .detail("The sender does not want reports back. The sender or the centre can change that setting."));
        }
    } else if wish.kind == RecordKind::Report {
        return Err(Problem::invalid("answers", "a report names the record it answers"));
    }
    Ok(NewRecord {
        id: wish.record,
        kind: wish.kind,
        policy: RetentionPolicy::Unfetched365d,
        uploader: actor.principal,
        conversation: wish.conversation,
        answers: wish.answers,
        return_report: return_report(app, actor, wish).await?,
        opened: app.ctx.clock.now(),
    })
}

/// Whether a report on this record may go back: what the upload says, else what the sender's setting says (C05).
async fn return_report(app: &App, actor: &Actor, wish: &OpenUpload) -> Result<bool, Problem> {
    let siegel_domain::Principal::Sender(sender) = actor.principal else {
        return Ok(wish.return_report.unwrap_or(true));
    };
    if let Some(wanted) = wish.return_report {
        return Ok(wanted);
    }
    let known = app.directory.party(actor.tenant_id(), Party::Sender(sender)).await?;
    match known.map(|known| known.return_report).as_deref() {
        Some("always") => Ok(true),
        Some("ask") if wish.kind == RecordKind::Recording => {
            Err(Problem::invalid("return_report", "has to be said: the sender's setting is to ask each time"))
        }
        _ => Ok(false),
    }
}

/// The same wish again, or another one for an id that is taken.
async fn repeated(
    app: &App,
    actor: &Actor,
    db: &Db,
    wish: &OpenUpload,
    row: &RecordRow,
) -> Result<UploadStatus, Problem> {
    let same = row.uploader == actor.principal
        && (row.kind, row.conversation, row.answers) == (wish.kind, wish.conversation, wish.answers)
        && wish.return_report.is_none_or(|wanted| wanted == row.return_report);
    if same { status(app, db, row).await } else { Err(Reason::AlreadyExists.into()) }
}

async fn status(app: &App, db: &Db, row: &RecordRow) -> Result<UploadStatus, Problem> {
    let open = row.state == RecordState::Open;
    let sweep_due_ms = open.then(|| row.touched.plus_ms(i64::from(app.config.abandoned_after_hours) * HOUR_MS).0);
    let held = copies::held(db.reader(), row.id).await?;
    let ack = |part: parts::PartRow| {
        let zones = held.iter().skip(held.partition_point(|(at, _)| *at < part.number));
        PartAck {
            number: part.number,
            digest: siegel_api::Bytes(part.digest.as_bytes().to_vec()),
            sealed_bytes: u64::from(part.sealed_bytes),
            zones: zones.take_while(|(at, _)| *at == part.number).map(|(_, zone)| zone.clone()).collect(),
        }
    };
    let parts = parts::of_record(db.reader(), row.id).await?.into_iter().map(ack).collect();
    Ok(UploadStatus { record: row.id, state: row.state, parts, sweep_due_ms })
}
