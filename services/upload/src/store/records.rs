//! Table `records`.

use siegel_domain::upload::RecordState;
use siegel_domain::{ConversationId, Party, Principal, ReceiptId, RecordId, RecordKind, RetentionPolicy, Timestamp};
use siegel_envelope::Digest;
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::{id, id_or_none, number};

/// A row, without its long columns.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// The record.
    pub id: RecordId,
    /// Where it stands.
    pub state: RecordState,
    /// What it is.
    pub kind: RecordKind,
    /// When it is erased by itself.
    pub policy: RetentionPolicy,
    /// Who opened it.
    pub uploader: Principal,
    /// Its thread.
    pub conversation: Option<ConversationId>,
    /// What it answers.
    pub answers: Option<RecordId>,
    /// Whether a report on it may go back.
    pub return_report: bool,
    /// The last part, or the opening.
    pub touched: Timestamp,
    /// Once committed: who sealed it.
    pub sender: Option<Party>,
    /// Once committed: sealed bytes of all parts.
    pub sealed_bytes: u64,
    /// Once committed: when.
    pub committed: Option<Timestamp>,
    /// Once committed: the hash of its manifest.
    pub manifest_hash: Option<Digest>,
}

/// The columns of [`RecordRow`], for queries that join.
macro_rules! record_columns {
    () => {
        "r.id, r.state, r.kind, r.policy, r.uploader, r.conversation, r.answers, r.return_report, r.touched_ms, \
         r.sender, r.sealed_bytes, r.committed_ms, r.manifest_hash"
    };
}
pub(super) use record_columns;

impl TryFrom<&Row> for RecordRow {
    type Error = DbError;

    fn try_from(row: &Row) -> Result<Self, DbError> {
        const TABLE: &str = "records";
        let key: RecordId = id(row, TABLE, "id")?;
        let corrupt = |column| DbError::corrupt(TABLE, column, key);
        let manifest_hash: Option<&[u8]> = row.try_get("manifest_hash")?;
        Ok(Self {
            id: key,
            state: RecordState::parse(row.try_get("state")?).ok_or_else(|| corrupt("state"))?,
            kind: RecordKind::parse(row.try_get("kind")?).ok_or_else(|| corrupt("kind"))?,
            policy: RetentionPolicy::parse(row.try_get("policy")?).ok_or_else(|| corrupt("policy"))?,
            uploader: id(row, TABLE, "uploader")?,
            conversation: id_or_none(row, TABLE, "conversation")?,
            answers: id_or_none(row, TABLE, "answers")?,
            return_report: row.try_get::<i64, _>("return_report")? != 0,
            touched: Timestamp(row.try_get("touched_ms")?),
            sender: id_or_none(row, TABLE, "sender")?,
            sealed_bytes: number(row, TABLE, "sealed_bytes")?,
            committed: row.try_get::<Option<i64>, _>("committed_ms")?.map(Timestamp),
            manifest_hash: manifest_hash
                .map(|hash| Digest::from_slice(hash).ok_or_else(|| corrupt("manifest_hash")))
                .transpose()?,
        })
    }
}

/// What opening a record writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRecord {
    /// The record.
    pub id: RecordId,
    /// What it is.
    pub kind: RecordKind,
    /// When it is erased by itself.
    pub policy: RetentionPolicy,
    /// Who opens it.
    pub uploader: Principal,
    /// Its thread.
    pub conversation: Option<ConversationId>,
    /// What it answers.
    pub answers: Option<RecordId>,
    /// Whether a report on it may go back.
    pub return_report: bool,
    /// Now.
    pub opened: Timestamp,
}

/// What committing adds.
pub struct Commit<'a> {
    /// Who sealed it.
    pub sender: Party,
    /// Sealed bytes of all parts.
    pub sealed_bytes: u64,
    /// Number of parts.
    pub parts: u32,
    /// Now.
    pub committed: Timestamp,
    /// Whether a zone lacks a copy.
    pub degraded: bool,
    /// The hash of the manifest.
    pub manifest_hash: Digest,
    /// The receipt's id.
    pub receipt_id: ReceiptId,
    /// The signed receipt.
    pub receipt: &'a [u8],
    /// The sealed metadata under the second layer.
    pub metadata: &'a [u8],
    /// The signed manifest.
    pub manifest: &'a [u8],
}

/// The answer of a commit, as stored.
pub struct StoredReceipt {
    /// The receipt's id.
    pub receipt_id: ReceiptId,
    /// The signed receipt.
    pub receipt: Vec<u8>,
    /// Whether a zone lacked a copy at commit.
    pub degraded: bool,
}

/// The record, whatever its state.
pub async fn find(db: impl Executor<'_>, record: RecordId) -> Result<Option<RecordRow>, DbError> {
    let row = db::query(concat!("SELECT ", record_columns!(), " FROM records r WHERE r.id = $1"))
        .bind(record.to_string())
        .fetch_optional(db)
        .await?;
    row.as_ref().map(RecordRow::try_from).transpose()
}

/// Whether an open upload was last touched later than `now`, by a clock that stood ahead.
pub async fn touched_after(db: impl Executor<'_>, now: Timestamp) -> Result<bool, DbError> {
    let query = "SELECT EXISTS (SELECT 1 FROM records WHERE state = 'open' AND touched_ms > $1)";
    let found: i64 = db::query_scalar(query).bind(now.0).fetch_one(db).await?;
    Ok(found != 0)
}

/// Such uploads count as touched now.
pub async fn bring_back(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    db::query("UPDATE records SET touched_ms = $1 WHERE state = 'open' AND touched_ms > $1")
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Writes a new row in `state`; false if there is one of that id.
pub async fn insert(tx: &mut Tx<'_>, new: &NewRecord, state: RecordState) -> Result<bool, DbError> {
    let done = db::query(
        "INSERT INTO records (id, state, kind, policy, uploader, conversation, answers, return_report, opened_ms, touched_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT (id) DO NOTHING",
    )
    .bind(new.id.to_string())
    .bind(state.as_str())
    .bind(new.kind.as_str())
    .bind(new.policy.as_str())
    .bind(new.uploader.to_string())
    .bind(new.conversation.map(|id| id.to_string()))
    .bind(new.answers.map(|id| id.to_string()))
    .bind(i64::from(new.return_report))
    .bind(new.opened.0)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Compare-and-set of the state; false if it was another. The only way a state changes.
pub async fn step(tx: &mut Tx<'_>, record: RecordId, from: RecordState, to: RecordState) -> Result<bool, DbError> {
    debug_assert!(from.step(to).is_ok(), "{from:?} never becomes {to:?}");
    let done = db::query("UPDATE records SET state = $3 WHERE id = $1 AND state = $2")
        .bind(record.to_string())
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A part came: the 24 hours begin anew. False if the upload takes none any more; else it is open until `tx` ends.
pub async fn touch(tx: &mut Tx<'_>, record: RecordId, now: Timestamp) -> Result<bool, DbError> {
    let done = db::query("UPDATE records SET touched_ms = $2 WHERE id = $1 AND state = 'open'")
        .bind(record.to_string())
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what committing adds; the state is stepped by [`step`].
pub async fn commit(tx: &mut Tx<'_>, record: RecordId, commit: &Commit<'_>) -> Result<(), DbError> {
    db::query(
        "UPDATE records SET sender = $2, sealed_bytes = $3, parts = $4, committed_ms = $5, degraded = $6,
                manifest_hash = $7, receipt_id = $8, receipt = $9, metadata = $10, manifest = $11 WHERE id = $1",
    )
    .bind(record.to_string())
    .bind(commit.sender.to_string())
    .bind(i64::try_from(commit.sealed_bytes).unwrap_or(i64::MAX))
    .bind(commit.parts)
    .bind(commit.committed.0)
    .bind(i64::from(commit.degraded))
    .bind(commit.manifest_hash.as_bytes().as_slice())
    .bind(commit.receipt_id.to_string())
    .bind(commit.receipt)
    .bind(commit.metadata)
    .bind(commit.manifest)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes away what an erased record no longer needs; ids and times stay.
pub async fn strip(tx: &mut Tx<'_>, record: RecordId) -> Result<(), DbError> {
    db::query(
        "UPDATE records SET manifest = NULL, metadata = NULL, receipt = NULL, manifest_hash = NULL WHERE id = $1",
    )
    .bind(record.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The receipt of a committed record.
pub async fn receipt(db: impl Executor<'_>, record: RecordId) -> Result<Option<StoredReceipt>, DbError> {
    let row = db::query("SELECT receipt_id, receipt, degraded FROM records WHERE id = $1 AND receipt IS NOT NULL")
        .bind(record.to_string())
        .fetch_optional(db)
        .await?;
    let stored = |row: Row| {
        let degraded: i64 = row.try_get("degraded")?;
        Ok(StoredReceipt {
            receipt_id: id(&row, "records", "receipt_id")?,
            receipt: row.try_get("receipt")?,
            degraded: degraded != 0,
        })
    };
    row.map(stored).transpose()
}

/// The signed manifest of a committed record.
pub async fn manifest(db: impl Executor<'_>, record: RecordId) -> Result<Option<Vec<u8>>, DbError> {
    let found: Option<Option<Vec<u8>>> = db::query_scalar("SELECT manifest FROM records WHERE id = $1")
        .bind(record.to_string())
        .fetch_optional(db)
        .await?;
    Ok(found.flatten())
}

/// The metadata of a committed record, under the second layer.
pub async fn metadata(db: impl Executor<'_>, record: RecordId) -> Result<Option<Vec<u8>>, DbError> {
    let found: Option<Option<Vec<u8>>> = db::query_scalar("SELECT metadata FROM records WHERE id = $1")
        .bind(record.to_string())
        .fetch_optional(db)
        .await?;
    Ok(found.flatten())
}

/// Uploads of one principal that are not committed, counted up to `limit`.
pub async fn unfinished(db: impl Executor<'_>, uploader: Principal, limit: u32) -> Result<u32, DbError> {
    let count: i64 = db::query_scalar(
        "SELECT count(*) FROM (SELECT 1 FROM records WHERE uploader = $1 AND state IN ('open', 'committing') LIMIT $2) AS few",
    )
    .bind(uploader.to_string())
    .bind(limit)
    .fetch_one(db)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How many uploads are under way in the whole institution, counted up to `limit`.
pub async fn in_flight(db: impl Executor<'_>, limit: u64) -> Result<u64, DbError> {
    let count: i64 = db::query_scalar(
        "SELECT count(*) FROM (SELECT 1 FROM records WHERE state IN ('open', 'committing') LIMIT $1) AS few",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_one(db)
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Records in `state` that were last touched before `before`, at most `limit`.
pub async fn in_state(
    db: impl Executor<'_>,
    state: RecordState,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<RecordId>, DbError> {
    // The list of states is the index's condition; the planner uses a partial index only if it sees it.
    let rows = db::query(
        "SELECT id FROM records WHERE state IN ('open', 'committing', 'sweeping') AND state = $1 AND touched_ms < $2
         ORDER BY touched_ms LIMIT $3",
    )
    .bind(state.as_str())
    .bind(before.0)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| id(row, "records", "id")).collect()
}

/// Committed records of a thread behind `after`, by id.
pub async fn of_conversation(
    db: impl Executor<'_>,
    conversation: ConversationId,
    after: &str,
    limit: u32,
) -> Result<Vec<RecordId>, DbError> {
    let rows = db::query(
        "SELECT id FROM records WHERE conversation = $1 AND id > $2 AND state IN ('committed', 'erasing') ORDER BY id LIMIT $3",
    )
    .bind(conversation.to_string())
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| id(row, "records", "id")).collect()
}
