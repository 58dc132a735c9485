//! Erasures and the records in them. A worker holds a record by a lease; a lease that ran out, or that lies further
//! ahead than leases last (the wall clock was set back), is nobody's.

use siegel_api::retention::{EraseTarget, Erasure, ErasureState};
use siegel_domain::{JobId, Party, ReceiptId, RecordId, Timestamp};
use siegel_platform::db::{self, Db, DbError, Tx};

use super::read;

/// How long a lease lasts: longer than erasing one large record takes in one go.
pub const LEASE_MS: i64 = 60_000;
/// The longest pause between two attempts.
pub const SLOWEST_MS: i64 = 60_000;
/// Receipts that an erasure names.
const RECEIPTS_SHOWN: u32 = 1_000;

/// Why something is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Someone entitled asked for it.
    Asked,
    /// Its policy ran out.
    Expired,
}

impl Cause {
    /// The word in the database and in upload's API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Expired => "expired",
        }
    }
}

/// An erasure to be begun.
#[derive(Debug, Clone)]
pub struct NewErasure {
    /// Its id.
    pub id: JobId,
    /// Why.
    pub cause: Cause,
    /// What.
    pub target: EraseTarget,
    /// The conversation's second party.
    pub second: Option<Party>,
    /// Who asked, or `platform`.
    pub actor: String,
    /// From which device; empty for the platform.
    pub device: String,
    /// Now.
    pub created: Timestamp,
}

/// What is known of an erasure beside what the API shows.
#[derive(Debug, Clone)]
pub struct Job {
    /// The job.
    pub id: JobId,
    /// What.
    pub target: EraseTarget,
    /// Why.
    pub cause: Cause,
    /// Who asked.
    pub actor: String,
    /// From which device.
    pub device: String,
}

/// A record that this worker holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// The erasure it belongs to.
    pub job: Job,
    /// The record.
    pub record: RecordId,
    /// Attempts before this one.
    pub attempts: i64,
}

/// The kind and the id of a target, as columns have them.
fn columns(target: &EraseTarget) -> (&'static str, String) {
    match target {
        EraseTarget::Record(record) => ("record", record.to_string()),
        EraseTarget::Conversation(conversation) => ("conversation", conversation.to_string()),
    }
}

/// The erasure of the same target that runs, or, for a record, that is done: a record is erased once.
pub async fn existing(tx: &mut Tx<'_>, target: &EraseTarget) -> Result<Option<JobId>, DbError> {
    let (kind, target) = columns(target);
    let row: Option<(String,)> = db::query_as(
        "SELECT id FROM erasures WHERE target = $1 AND (state = 'running' OR $2 = 'record') ORDER BY created_ms LIMIT 1",
    )
    .bind(target)
    .bind(kind)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|(id,)| read(&id, "erasures", "id")).transpose()
}

/// The erasure of this target that `actor` asked for before: what it gets who asks again after a lost answer, when
/// there may be nothing left to decide by.
pub async fn asked_before(db: &Db, target: &EraseTarget, actor: &str) -> Result<Option<JobId>, DbError> {
    let row: Option<(String,)> =
        db::query_as("SELECT id FROM erasures WHERE target = $1 AND actor = $2 ORDER BY created_ms DESC LIMIT 1")
            .bind(columns(target).1)
            .bind(actor)
            .fetch_optional(db.reader())
            .await?;
    row.map(|(id,)| read(&id, "erasures", "id")).transpose()
}

/// Begins an erasure.
pub async fn begin(tx: &mut Tx<'_>, new: &NewErasure) -> Result<(), DbError> {
    let (kind, target) = columns(&new.target);
    db::query(
        "INSERT INTO erasures (id, cause, target_kind, target, second, actor, device, state, listed, created_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8, $9)",
    )
    .bind(new.id.to_string())
    .bind(new.cause.as_str())
    .bind(kind)
    .bind(target)
    .bind(new.second.map(|party| party.to_string()).unwrap_or_default())
    .bind(&new.actor)
    .bind(&new.device)
    .bind(i64::from(kind == "record"))
    .bind(new.created.0)
    .execute(&mut **tx)
    .await?;
    if let EraseTarget::Record(record) = &new.target {
        add_records(tx, new.id, &[*record]).await?;
    }
    Ok(())
}

/// Adds records to an erasure.
pub async fn add_records(tx: &mut Tx<'_>, job: JobId, records: &[RecordId]) -> Result<(), DbError> {
    for record in records {
        db::query(
            "INSERT INTO erasure_records (erasure, record, state) VALUES ($1, $2, 'waiting') ON CONFLICT DO NOTHING",
        )
        .bind(job.to_string())
        .bind(record.to_string())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Conversations whose records are not all listed yet.
pub async fn unlisted(db: &Db) -> Result<Vec<Job>, DbError> {
    let rows: Vec<JobRow> = db::query_as(
        "SELECT id, cause, target_kind, target, actor, device FROM erasures
         WHERE state = 'running' AND listed = 0 ORDER BY created_ms LIMIT 20",
    )
    .fetch_all(db.reader())
    .await?;
    rows.into_iter().map(job).collect()
}

/// The last record listed so far.
pub async fn last_listed(db: &Db, job: JobId) -> Result<Option<RecordId>, DbError> {
    let row: Option<(String,)> =
        db::query_as("SELECT record FROM erasure_records WHERE erasure = $1 ORDER BY record DESC LIMIT 1")
            .bind(job.to_string())
            .fetch_optional(db.reader())
            .await?;
    row.map(|(record,)| read(&record, "erasure_records", "record")).transpose()
}

/// All records of the conversation are in the erasure.
pub async fn listed(tx: &mut Tx<'_>, job: JobId) -> Result<(), DbError> {
    db::query("UPDATE erasures SET listed = 1, waiting_for = '' WHERE id = $1")
        .bind(job.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What the erasure itself waits for, for people to see.
pub async fn job_waits(tx: &mut Tx<'_>, job: JobId, waiting_for: &str) -> Result<(), DbError> {
    db::query("UPDATE erasures SET waiting_for = $2 WHERE id = $1")
        .bind(job.to_string())
        .bind(waiting_for)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes a lease on at most `limit` records whose turn it is.
pub async fn hold(tx: &mut Tx<'_>, lease: &str, now: Timestamp, limit: u32) -> Result<Vec<Held>, DbError> {
    let rows: Vec<(String, String, i64)> = db::query_as(
        "UPDATE erasure_records SET lease = $1, lease_until_ms = $2 + $3, attempts = attempts + 1
         WHERE (erasure, record) IN (
             SELECT erasure, record FROM erasure_records
             WHERE state = 'waiting' AND (next_ms <= $2 OR next_ms > $2 + $4)
               AND (lease_until_ms <= $2 OR lease_until_ms > $2 + $3)
             ORDER BY next_ms LIMIT $5)
         RETURNING erasure, record, attempts",
    )
    .bind(lease)
    .bind(now.0)
    .bind(LEASE_MS)
    .bind(SLOWEST_MS)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let mut held = Vec::with_capacity(rows.len());
    for (erasure, record, attempts) in rows {
        let row: JobRow =
            db::query_as("SELECT id, cause, target_kind, target, actor, device FROM erasures WHERE id = $1")
                .bind(&erasure)
                .fetch_one(&mut **tx)
                .await?;
        held.push(Held { job: job(row)?, record: read(&record, "erasure_records", "record")?, attempts: attempts - 1 });
    }
    Ok(held)
}

/// Gives a record back, to be tried again at `next`, and says what it waits for.
pub async fn give_back(
    tx: &mut Tx<'_>,
    held: &Held,
    lease: &str,
    next: Timestamp,
    waiting_for: &str,
) -> Result<(), DbError> {
    db::query(
        "UPDATE erasure_records SET lease = '', lease_until_ms = 0, next_ms = $4, waiting_for = $5
         WHERE erasure = $1 AND record = $2 AND lease = $3 AND state = 'waiting'",
    )
    .bind(held.job.id.to_string())
    .bind(held.record.to_string())
    .bind(lease)
    .bind(next.0)
    .bind(waiting_for)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The record is erased and its receipt is kept.
pub async fn record_done(tx: &mut Tx<'_>, held: &Held, receipt: ReceiptId) -> Result<(), DbError> {
    db::query(
        "UPDATE erasure_records SET state = 'done', receipt = $3, lease = '', lease_until_ms = 0, waiting_for = ''
         WHERE erasure = $1 AND record = $2",
    )
    .bind(held.job.id.to_string())
    .bind(held.record.to_string())
    .bind(receipt.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends the erasures in which nothing is left to do. Returns how many.
pub async fn finish(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    let ended = db::query(
        "UPDATE erasures SET state = 'done', done_ms = $1 WHERE state = 'running' AND listed = 1
         AND NOT EXISTS (SELECT 1 FROM erasure_records WHERE erasure = id AND erasure_records.state = 'waiting')",
    )
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(ended.rows_affected())
}

/// Whether an erasure is running.
pub async fn any_running(db: &Db) -> Result<bool, DbError> {
    let row: Option<(i64,)> =
        db::query_as("SELECT 1 FROM erasures WHERE state = 'running' LIMIT 1").fetch_optional(db.reader()).await?;
    Ok(row.is_some())
}

/// An erasure as the API shows it, and who asked for it. Of a large conversation's receipts the first are named; all of
/// them are in the list of receipts.
pub async fn get(db: &Db, id: JobId) -> Result<Option<(Erasure, String)>, DbError> {
    let row: Option<(String, String, String, String, String, i64)> =
        db::query_as("SELECT target_kind, target, actor, state, waiting_for, created_ms FROM erasures WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(db.reader())
            .await?;
    let Some((kind, target, actor, state, own_wait, created_ms)) = row else { return Ok(None) };
    let (total, done, wait): (i64, i64, Option<String>) = db::query_as(
        "SELECT COUNT(*), COUNT(CASE WHEN state = 'done' THEN 1 END), MAX(waiting_for) FROM erasure_records WHERE erasure = $1",
    )
    .bind(id.to_string())
    .fetch_one(db.reader())
    .await?;
    let receipts: Vec<(String,)> = db::query_as(
        "SELECT receipt FROM erasure_records WHERE erasure = $1 AND receipt <> '' ORDER BY record LIMIT $2",
    )
    .bind(id.to_string())
    .bind(RECEIPTS_SHOWN)
    .fetch_all(db.reader())
    .await?;
    let receipts = receipts.iter().map(|(receipt,)| read(receipt, "erasure_records", "receipt"));
    let erasure = Erasure {
        id,
        target: target_of(&kind, &target)?,
        state: if state == "done" { ErasureState::Done } else { ErasureState::Running },
        records_total: u32::try_from(total).unwrap_or(u32::MAX),
        records_erased: u32::try_from(done).unwrap_or(u32::MAX),
        waiting_for: [Some(own_wait), wait].into_iter().flatten().find(|wait| !wait.is_empty()),
        receipts: receipts.collect::<Result<_, _>>()?,
        created_ms,
    };
    Ok(Some((erasure, actor)))
}

type JobRow = (String, String, String, String, String, String);

fn job((id, cause, kind, target, actor, device): JobRow) -> Result<Job, DbError> {
    let cause = match cause.as_str() {
        "asked" => Cause::Asked,
        "expired" => Cause::Expired,
        _ => return Err(DbError::corrupt("erasures", "cause", &id)),
    };
    Ok(Job { id: read(&id, "erasures", "id")?, target: target_of(&kind, &target)?, cause, actor, device })
}

fn target_of(kind: &str, target: &str) -> Result<EraseTarget, DbError> {
    match kind {
        "record" => Ok(EraseTarget::Record(read(target, "erasures", "target")?)),
        "conversation" => Ok(EraseTarget::Conversation(read(target, "erasures", "target")?)),
        _ => Err(DbError::corrupt("erasures", "target_kind", target)),
    }
}
