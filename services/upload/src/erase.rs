//! Erases a record at once and for good, in this order: state `erasing` (nobody reads it any more, repair brings nothing
//! back) → its shred key's row → objects in both zones, absence verified → tombstones → `erased`. Each step is written
//! down when it was seen; called again, it goes on where it was. With a zone away the rest is done, and the answer says
//! which zone is waited for.

use bytes::Bytes;
use siegel_domain::upload::RecordState;
use siegel_domain::{ConversationId, DeviceId, RecordId, TenantId};
use siegel_envelope::Digest;
use siegel_envelope::receipt::{EraseKind, Tombstone};
use siegel_platform::db::Db;
use siegel_platform::log;
use siegel_platform::zones::{ObjectName, Zone, ZoneError};
use siegel_platform::{Problem, Reason};
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{RecordErased, RecordErasing};
use siegel_proto::upload::v1::{EraseRecordResponse, ErasedObject, TombstoneCopy};

use crate::app::App;
use crate::error;
use crate::remove::remove;
use crate::store::erasures::{self, ErasureRow};
use crate::store::{conversations, copies, grants, parties, parts, records};

/// An order to erase, from retention.
#[derive(Debug, Clone)]
pub struct Order {
    /// The tenant.
    pub tenant: TenantId,
    /// The record.
    pub record: RecordId,
    /// A principal, or `platform`.
    pub actor: String,
    /// The principal's device.
    pub device: Option<DeviceId>,
    /// `asked` or `expired`.
    pub cause: &'static str,
}

/// Erases, or goes on erasing, and says what was seen.
pub async fn erase(app: &App, order: Order) -> Result<EraseRecordResponse, Problem> {
    let app = app.clone();
    let tasks = app.ctx.tasks.clone();
    let running = tasks.spawn("upload.erase", async move { run(&app, &order).await });
    running.await.ok().flatten().unwrap_or_else(|| Err(Reason::Internal.into())) // it panicked, and was counted
}

async fn run(app: &App, order: &Order) -> Result<EraseRecordResponse, Problem> {
    let (tenant, record) = (order.tenant, order.record);
    let db = app.dbs.get(tenant).await?;
    let Some(_erasing) = app.erasing.begin((tenant, record)) else {
        return Err(Problem::new(Reason::Conflict).detail("The record is being erased; ask again.").retry_after_s(1));
    };
    let erasure = begin(app, &db, order).await?;
    if erasure.done.is_some() {
        return seen(app, &db, tenant, record, Vec::new()).await;
    }
    shred(app, &db, tenant, record).await?;
    let mut waiting_for = remove(app, &db, tenant, record).await?;
    for zone in app.ctx.zones.both() {
        if let Err(failure) = bury(app, &db, zone, tenant, record, &erasure).await? {
            tracing::warn!(%tenant, %record, zone = zone.name, reason = failure.word(), "a zone's tombstone waits");
            if !waiting_for.iter().any(|name| name == zone.name) {
                waiting_for.push(zone.name.to_owned());
            }
        }
    }
    if waiting_for.is_empty() {
        finish(app, &db, tenant, record, &erasure).await?;
    }
    seen(app, &db, tenant, record, waiting_for).await
}

/// The state, the wish that every object goes, the tombstone's text and name: one transaction, after which nobody reads.
async fn begin(app: &App, db: &Db, order: &Order) -> Result<ErasureRow, Problem> {
    if let Some(erasure) = erasures::find(db.reader(), order.record).await? {
        return Ok(erasure);
    }
    let tombstone_object = &ObjectName::tombstone(&*app.ctx.rng);
    db.tx("record.erase", |tx| {
        Box::pin(async move {
            let (record, now) = (order.record, app.ctx.clock.now());
            if !records::step(tx, record, RecordState::Committed, RecordState::Erasing).await? {
                let row = records::find(&mut **tx, record).await?.ok_or_else(error::not_found)?;
                return Err(error::wrong_state(row.state));
            }
            let row = records::find(&mut **tx, record).await?.ok_or_else(error::not_found)?;
            let parties = parties::of_record(&mut **tx, record).await?;
            let kind = if order.cause == "expired" { EraseKind::Expiry } else { EraseKind::Request };
            let tombstone = app.statements.sign(Tombstone { tenant: order.tenant, record, time: now, kind });
            let erasure = ErasureRow {
                began: now,
                sender: row.sender.ok_or_else(error::not_found)?,
                recipients: parties.iter().filter(|row| !row.is_sender).map(|row| row.party).collect(),
                shred_gone: None,
                tombstone: tombstone.to_bytes(),
                tombstone_object: tombstone_object.clone(),
                done: None,
            };
            erasures::begin(tx, record, order.cause, &erasure).await?;
            copies::unwant_all(tx, record).await?;
            let erasing = RecordErasing { record: record.to_string() };
            log::emit(tx, app.source.event(order.tenant, record, Data::RecordErasing(erasing))).await?;
            let entry = app.source.audit(order.tenant, &order.actor, order.device, "record.erase", record);
            log::audit(tx, entry).await?;
            Ok(erasure)
        })
    })
    .await
}

/// The key first: from now on grants and metadata are unreadable wherever a copy of them lies.
async fn shred(app: &App, db: &Db, tenant: TenantId, record: RecordId) -> Result<(), Problem> {
    if !app.shred_keys.destroy(tenant, &record.to_string()).await? {
        return Err(Reason::Conflict.into()); // someone wrote it anew in between; the next call destroys that one
    }
    let now = app.ctx.clock.now();
    db.tx("record.shredded", |tx| {
        Box::pin(async move {
            erasures::shredded(tx, record, now).await?;
            grants::delete(tx, record).await?;
            Ok::<_, Problem>(records::strip(tx, record).await?)
        })
    })
    .await
}

/// The tombstone in one zone, so that no restored backup brings the record back.
async fn bury(
    app: &App,
    db: &Db,
    zone: &Zone,
    tenant: TenantId,
    record: RecordId,
    erasure: &ErasureRow,
) -> Result<Result<(), ZoneError>, Problem> {
    let bucket = app.ctx.zones.bucket(tenant);
    let object = &erasure.tombstone_object;
    if erasures::tombstones(db.reader(), record).await?.iter().any(|(name, _)| name == zone.name) {
        return Ok(Ok(()));
    }
    let text = Bytes::copy_from_slice(&erasure.tombstone);
    match zone.put_new(&bucket, object, text.clone()).await {
        Ok(()) => {}
        // Written before a crash; only the same text counts.
        Err(ZoneError::Exists) if zone.get(&bucket, object).await.ok().as_ref() == Some(&text) => {}
        Err(failure) => return Ok(Err(failure)),
    }
    let now = app.ctx.clock.now();
    let written = db.tx("record.tombstone", |tx| {
        Box::pin(
            async move { Ok::<_, Problem>(erasures::tombstone_written(tx, record, zone.name, object, now).await?) },
        )
    });
    written.await?;
    Ok(Ok(()))
}

async fn finish(app: &App, db: &Db, tenant: TenantId, record: RecordId, erasure: &ErasureRow) -> Result<(), Problem> {
    let event = &RecordErased {
        record: record.to_string(),
        sender: erasure.sender.to_string(),
        recipients: erasure.recipients.iter().map(ToString::to_string).collect(),
    };
    let now = app.ctx.clock.now();
    db.tx("record.erased", |tx| {
        Box::pin(async move {
            if !records::step(tx, record, RecordState::Erasing, RecordState::Erased).await? {
                return Ok(());
            }
            parts::delete(tx, record).await?;
            parties::delete(tx, record).await?;
            erasures::done(tx, record, now).await?;
            log::emit(tx, app.source.event(tenant, record, Data::RecordErased(event.clone()))).await?;
            Ok::<_, Problem>(())
        })
    })
    .await
}

/// What was seen, from the rows that were written when it was seen. A wall clock that was set back meanwhile wrote times that
/// can't follow each other, for which no receipt would ever be signed: what is known is the order, so nothing is said to
/// be earlier than what it came after.
async fn seen(
    app: &App,
    db: &Db,
    tenant: TenantId,
    record: RecordId,
    waiting_for: Vec<String>,
) -> Result<EraseRecordResponse, Problem> {
    let erasure = erasures::find(db.reader(), record).await?.ok_or_else(error::not_found)?;
    let objects = copies::of_record(db.reader(), record).await?.into_iter().filter_map(|copy| {
        let gone = copy.gone?;
        let object = copy.object.to_string();
        let deleted = gone.deleted.max(erasure.began);
        Some(ErasedObject { zone: copy.zone, object, deleted_ms: deleted.0, absent_ms: gone.absent.max(deleted).0 })
    });
    let tombstones = erasures::tombstones(db.reader(), record).await?;
    let buried = tombstones.len() == app.ctx.zones.both().len();
    tracing::info!(%tenant, %record, done = erasure.done.is_some(), "a record is erased");
    Ok(EraseRecordResponse {
        done: erasure.done.is_some(),
        waiting_for,
        shred_key_destroyed_ms: erasure.shred_gone.map_or(0, |gone| gone.max(erasure.began).0),
        objects: objects.collect(),
        tombstones: tombstones.into_iter().map(|(zone, object)| TombstoneCopy { zone, object }).collect(),
        sender: erasure.sender.to_string(),
        recipients: erasure.recipients.iter().map(ToString::to_string).collect(),
        erasing_ms: erasure.began.0,
        tombstone_digest: if buried { Digest::of(&erasure.tombstone).as_bytes().to_vec() } else { Vec::new() },
    })
}

/// Closes a thread for good; its records are erased one by one. False: there is no such thread, or it is closed.
pub async fn erase_conversation(
    app: &App,
    tenant: TenantId,
    conversation: ConversationId,
    actor: &str,
    device: Option<DeviceId>,
) -> Result<bool, Problem> {
    let db = app.dbs.get(tenant).await?;
    let closed = db.tx("conversation.erase", |tx| {
        Box::pin(async move {
            if !conversations::erase(tx, conversation, app.ctx.clock.now()).await? {
                return Ok(false);
            }
            let entry = app.source.audit(tenant, actor, device, "conversation.erase", conversation);
            log::audit(tx, entry).await?;
            Ok::<_, Problem>(true)
        })
    });
    let closed = closed.await?;
    // Also when it was closed before: the process may have been killed between the two.
    app.shred_keys.destroy(tenant, &conversation.to_string()).await?;
    Ok(closed)
}
