//! Commits an upload: open → committing → committed, each step a compare-and-set. While `committing`, no part joins and
//! no sweep begins; a refusal goes back to open, so that the client mends it and commits again without sending a byte
//! twice. The work runs to its end whoever hangs up; what a killed process left `committing` is opened again.

use std::collections::HashSet;

use siegel_api::records::{CommitAnswer, CommitUpload};
use siegel_api::tenants::Durability;
use siegel_domain::upload::RecordState;
use siegel_domain::{Party, ReceiptId, RecordId, Timestamp};
use siegel_envelope::receipt::{UploadReceipt, ZoneHolds};
use siegel_envelope::{Digest, Signed};
use siegel_platform::db::{Db, Tx};
use siegel_platform::log;
use siegel_platform::{Problem, Reason};
use siegel_proto::events::v1::RecordCommitted;
use siegel_proto::events::v1::event::Data;

use crate::access::{Actor, own_upload};
use crate::app::App;
use crate::error;
use crate::seal::ShredKey;
use crate::store::parties::Mailbox;
use crate::store::records::{Commit, RecordRow, StoredReceipt};
use crate::store::{conversations, copies, grants, parties, parts, records};
use crate::verify::{self, Here, Verified};

/// Commits; a repeated commit of the same manifest gets the same receipt.
pub async fn commit(app: &App, actor: &Actor, record: RecordId, body: CommitUpload) -> Result<CommitAnswer, Problem> {
    let (app, actor) = (app.clone(), actor.clone());
    let tasks = app.ctx.tasks.clone();
    let running = tasks.spawn("upload.commit", async move { run(&app, &actor, record, &body).await });
    running.await.ok().flatten().unwrap_or_else(|| Err(Reason::Internal.into())) // it panicked, and was counted
}

async fn run(app: &App, actor: &Actor, record: RecordId, body: &CommitUpload) -> Result<CommitAnswer, Problem> {
    let db = app.db(actor).await?;
    let row = own_upload(&db, actor, record).await?;
    if let Some(answer) = committed_before(&db, &row, &Digest::of(&body.manifest)).await? {
        return Ok(answer);
    }
    let Some(_running) = app.committing.begin((actor.tenant_id(), record)) else {
        return Err(error::wrong_state(RecordState::Committing));
    };
    let begun = db.tx_by_row("record.committing", |tx| {
        Box::pin(async move {
            let begun = records::step(tx, record, RecordState::Open, RecordState::Committing).await?;
            Ok::<_, Problem>(begun)
        })
    });
    // `committing` without a commit of this process: a process that was killed. Nothing was promised, so it is taken over.
    if !begun.await? {
        let now = records::find(db.reader(), record).await?.ok_or_else(error::not_found)?;
        if let Some(answer) = committed_before(&db, &now, &Digest::of(&body.manifest)).await? {
            return Ok(answer);
        }
        if now.state != RecordState::Committing {
            return Err(error::wrong_state(now.state));
        }
    }
    match decide(app, actor, &db, &row, body).await {
        Ok(answer) => Ok(answer),
        Err(refusal) => {
            reopen(&db, record).await?;
            Err(refusal)
        }
    }
}

/// Back to open: refused, or left behind by a process that was killed.
pub async fn reopen(db: &Db, record: RecordId) -> Result<bool, Problem> {
    db.tx_by_row("record.reopen", |tx| {
        Box::pin(async move { Ok(records::step(tx, record, RecordState::Committing, RecordState::Open).await?) })
    })
    .await
}

/// The answer of a commit that was acknowledged, if this is the same one again.
pub async fn committed_before(
    db: &Db,
    row: &RecordRow,
    manifest_hash: &Digest,
) -> Result<Option<CommitAnswer>, Problem> {
    if row.state != RecordState::Committed {
        return if row.state == RecordState::Open || row.state == RecordState::Committing {
            Ok(None)
        } else {
            Err(error::wrong_state(row.state))
        };
    }
    if row.manifest_hash.as_ref() != Some(manifest_hash) {
        return Err(error::wrong_state(row.state));
    }
    let stored = records::receipt(db.reader(), row.id).await?.ok_or_else(error::not_found)?;
    Ok(Some(answer(row.id, stored)))
}

/// A receipt as the API gives it.
pub fn answer(record: RecordId, stored: StoredReceipt) -> CommitAnswer {
    let StoredReceipt { receipt_id, receipt, degraded } = stored;
    CommitAnswer { record, receipt_id, receipt: siegel_api::Bytes(receipt), degraded }
}

async fn decide(
    app: &App,
    actor: &Actor,
    db: &Db,
    row: &RecordRow,
    body: &CommitUpload,
) -> Result<CommitAnswer, Problem> {
    let parts = parts::of_record(db.reader(), row.id).await?;
    let thread = match row.conversation {
        Some(conversation) => conversations::find(db.reader(), conversation).await?,
        None => None,
    };
    let here = Here {
        record: row.id,
        conversation: row.conversation,
        answers: row.answers,
        parts: &parts,
        thread: thread.as_ref(),
    };
    let verified = &verify::commit(app, actor, &here, body).await?;
    let shred_key = &app.shred_keys.get_or_create(actor.tenant_id(), &row.id.to_string(), app.ctx.clock.now()).await?;
    let committed = db.tx_by_row("record.commit", |tx| {
        Box::pin(async move {
            if !records::step(tx, row.id, RecordState::Committing, RecordState::Committed).await? {
                return Err(Reason::Conflict.into());
            }
            write(app, actor, tx, row, verified, shred_key, body).await
        })
    });
    let stored = committed.await?;
    if stored.degraded {
        app.mark_for_repair(actor.tenant_id());
    }
    Ok(answer(row.id, stored))
}

/// Everything a commit writes, but the state: the receipt over what the zones hold at this moment, grants and metadata
/// under the second layer, who may read it, the event and the line of the audit trail.
pub async fn write(
    app: &App,
    actor: &Actor,
    tx: &mut Tx<'_>,
    row: &RecordRow,
    verified: &Verified,
    shred_key: &ShredKey,
    body: &CommitUpload,
) -> Result<StoredReceipt, Problem> {
    let (manifest, now, id) = (&verified.manifest, app.ctx.clock.now(), row.id.to_string());
    let receipt = &receipt(app, actor, tx, verified, now).await?;
    let degraded = !receipt.is_whole();
    let stored = StoredReceipt { receipt_id: receipt.receipt, receipt: receipt.to_bytes(), degraded };
    let metadata = shred_key.seal(("records", &id, "metadata"), &body.sealed_metadata);
    let commit = Commit {
        sender: manifest.sender,
        sealed_bytes: receipt.sealed_bytes,
        parts: receipt.parts,
        committed: now,
        degraded,
        manifest_hash: verified.manifest_hash,
        receipt_id: stored.receipt_id,
        receipt: &stored.receipt,
        metadata: &metadata,
        manifest: &body.manifest,
    };
    records::commit(tx, row.id, &commit).await?;
    parties::insert(tx, row.id, manifest.sender, Mailbox::Sent, true, now).await?;
    for grant in &verified.grants {
        parties::insert(tx, row.id, grant.recipient, Mailbox::Inbox, true, now).await?;
        let sealed = shred_key.seal(("grants", &format!("{id}/{}", grant.digest), "sealed"), &grant.bytes);
        grants::insert(tx, row.id, grant.digest, grant.recipient, &sealed, now).await?;
    }
    if let Some(conversation) = row.conversation
        && !conversations::joined(tx, conversation, now).await?
    {
        return Err(Reason::Gone.into());
    }
    tell(app, actor, tx, row, manifest.sender, &commit, verified).await?;
    Ok(stored)
}

async fn tell(
    app: &App,
    actor: &Actor,
    tx: &mut Tx<'_>,
    row: &RecordRow,
    sender: Party,
    commit: &Commit<'_>,
    verified: &Verified,
) -> Result<(), Problem> {
    let event = RecordCommitted {
        record: row.id.to_string(),
        sender: sender.to_string(),
        recipients: verified.grants.iter().map(|grant| grant.recipient.to_string()).collect(),
        conversation: row.conversation.map(|id| id.to_string()).unwrap_or_default(),
        answers: row.answers.map(|id| id.to_string()).unwrap_or_default(),
        kind: row.kind.as_str().to_owned(),
        policy: row.policy.as_str().to_owned(),
        sealed_bytes: commit.sealed_bytes,
        degraded: commit.degraded,
        latest_ms: app.guard.latest().0,
    };
    log::emit(tx, app.source.event(actor.tenant_id(), row.id, Data::RecordCommitted(event))).await?;
    log::audit(tx, app.source.audit_by(actor.tenant_id(), actor.who(), "record.commit", row.id)).await?;
    Ok(())
}

/// What the zones hold at this moment, signed. Every part is held somewhere; `strict` wants it everywhere.
async fn receipt(
    app: &App,
    actor: &Actor,
    tx: &mut Tx<'_>,
    verified: &Verified,
    now: Timestamp,
) -> Result<Signed<UploadReceipt>, Problem> {
    let manifest = &verified.manifest;
    let held = copies::held(&mut **tx, manifest.record).await?;
    let parts = u32::try_from(manifest.parts.len()).unwrap_or(u32::MAX);
    let somewhere: HashSet<u32> = held.iter().map(|(part, _)| *part).collect();
    if somewhere.len() < manifest.parts.len() {
        return Err(Reason::Damaged.into());
    }
    let zones = app.ctx.zones.both().map(|zone| {
        let in_zone: HashSet<u32> = held.iter().filter(|(_, name)| name == zone.name).map(|(part, _)| *part).collect();
        let parts = u32::try_from(in_zone.len()).unwrap_or(u32::MAX);
        ZoneHolds { zone: zone.name.to_owned(), jurisdiction: zone.jurisdiction.clone(), parts }
    });
    if actor.tenant.durability == Durability::Strict && zones.iter().any(|zone| zone.parts < parts) {
        app.mark_for_repair(actor.tenant_id());
        return Err(Problem::new(Reason::ZoneUnavailable).retry_after_s(5));
    }
    let receipt = UploadReceipt {
        receipt: ReceiptId::from_bytes(app.ctx.rng.bytes()),
        tenant: manifest.tenant,
        record: manifest.record,
        manifest: verified.manifest_hash,
        committed: now,
        parts,
        sealed_bytes: manifest.sealed_bytes(),
        zones: zones.to_vec(),
    };
    Ok(app.statements.sign(receipt))
}
