//! A small record in one request: checked first, then both zones at once, then one transaction. It is never `open`:
//! either it is committed, or it never was.

use siegel_api::records::{CommitAnswer, SmallRecord};
use siegel_domain::RecordId;
use siegel_domain::limits::SMALL_RECORD_BYTES;
use siegel_domain::upload::RecordState;
use siegel_envelope::Digest;
use siegel_envelope::part::{self, PartShape};
use siegel_platform::{Problem, Reason};

use crate::access::Actor;
use crate::app::App;
use crate::commit::{self, committed_before};
use crate::error;
use crate::open;
use crate::put_part;
use crate::receive::not_a_part;
use crate::store::parts::{self, PartRow};
use crate::store::{conversations, records};
use crate::verify::{self, Here};

/// Takes a whole small record; repeated, it gets the same receipt.
pub async fn small(app: &App, actor: &Actor, request: SmallRecord) -> Result<CommitAnswer, Problem> {
    let (app, actor) = (app.clone(), actor.clone());
    let tasks = app.ctx.tasks.clone();
    let running = tasks.spawn("upload.small", async move { run(&app, &actor, request).await });
    running.await.ok().flatten().unwrap_or_else(|| Err(Reason::Internal.into())) // it panicked, and was counted
}

async fn run(app: &App, actor: &Actor, request: SmallRecord) -> Result<CommitAnswer, Problem> {
    let SmallRecord { open, commit, part } = request;
    let db = app.db(actor).await?;
    let manifest_hash = Digest::of(&commit.manifest);
    if let Some(row) = records::find(db.reader(), open.record).await? {
        return repeated(&db, actor, open.record, &manifest_hash, row).await;
    }
    let new = &open::check(app, actor, &db, &open).await?;
    if part.len() > PartShape::of_plain(SMALL_RECORD_BYTES).sealed_bytes() {
        return Err(Problem::new(Reason::TooLarge).detail("Records above 1 MiB are uploaded in parts."));
    }
    let row =
        PartRow { number: 0, digest: part::digest_of(&part).map_err(not_a_part)?, sealed_bytes: part.len() as u32 };
    let thread = match new.conversation {
        Some(conversation) => conversations::find(db.reader(), conversation).await?,
        None => None,
    };
    let here = Here {
        record: new.id,
        conversation: new.conversation,
        answers: new.answers,
        parts: &[row],
        thread: thread.as_ref(),
    };
    let verified = &verify::commit(app, actor, &here, &commit).await?;

    let id = &new.id.to_string();
    let (stored, shred_key) = futures::join!(
        put_part::store(app, actor, 0, part.0.into()),
        app.shred_keys.get_or_create(actor.tenant_id(), id, new.opened),
    );
    let (stored, shred_key) = (stored?, &shred_key?);
    let (copy, commit) = (&stored, &commit);
    let committed = db.tx_by_row("record.small", |tx| {
        Box::pin(async move {
            if !records::insert(tx, new, RecordState::Committed).await? {
                return Ok(None);
            }
            parts::insert(tx, new.id, &row).await?;
            put_part::insert_copies(app, actor, tx, new.id, 0, copy).await?;
            let inserted = records::find(&mut **tx, new.id).await?.ok_or_else(error::not_found)?;
            commit::write(app, actor, tx, &inserted, verified, shred_key, commit).await.map(Some)
        })
    });
    match committed.await {
        Ok(Some(receipt)) => {
            app.noticed(actor.tenant_id(), stored.outcome());
            Ok(commit::answer(new.id, receipt))
        }
        Err(problem) => {
            if put_part::surely_undone(&problem) {
                stored.discard(app, actor, &db).await;
            } else {
                // Nobody knows: what was written is left to the inventory, and what a zone lacks is looked for.
                app.noticed(actor.tenant_id(), stored.outcome());
            }
            Err(problem)
        }
        Ok(None) => {
            stored.discard(app, actor, &db).await;
            let row = records::find(db.reader(), new.id).await?.ok_or_else(error::not_found)?;
            repeated(&db, actor, new.id, &manifest_hash, row).await
        }
    }
}

/// The same record again, or another one under an id that is taken.
async fn repeated(
    db: &siegel_platform::db::Db,
    actor: &Actor,
    record: RecordId,
    manifest_hash: &Digest,
    row: records::RecordRow,
) -> Result<CommitAnswer, Problem> {
    if row.uploader != actor.principal || row.id != record {
        return Err(Reason::AlreadyExists.into());
    }
    committed_before(db, &row, manifest_hash).await?.ok_or_else(|| Reason::AlreadyExists.into())
}
