//! Table `grants`: a record's key sealed to its recipients, under the second layer.

use siegel_domain::{Party, RecordId, Timestamp};
use siegel_envelope::Digest;
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

/// A grant as stored.
pub struct GrantRow {
    /// BLAKE3-256 of the grant; names the row.
    pub digest: Digest,
    /// Under the second layer.
    pub sealed: Vec<u8>,
}

/// Adds a grant; false if it is there already.
pub async fn insert(
    tx: &mut Tx<'_>,
    record: RecordId,
    digest: Digest,
    recipient: Party,
    sealed: &[u8],
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = db::query(
        "INSERT INTO grants (record, digest, recipient, added_ms, sealed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(record.to_string())
    .bind(digest.as_bytes().as_slice())
    .bind(recipient.to_string())
    .bind(now.0)
    .bind(sealed)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The grants of a record for one recipient, newest first, at most `limit`.
pub async fn of_recipient(
    db: impl Executor<'_>,
    record: RecordId,
    recipient: Party,
    limit: u32,
) -> Result<Vec<GrantRow>, DbError> {
    let rows = db::query(
        "SELECT digest, sealed FROM grants WHERE record = $1 AND recipient = $2 ORDER BY added_ms DESC, digest LIMIT $3",
    )
    .bind(record.to_string())
    .bind(recipient.to_string())
    .bind(limit)
    .fetch_all(db)
    .await?;
    let read = |row: Row| {
        let digest: &[u8] = row.try_get("digest")?;
        let digest = Digest::from_slice(digest).ok_or_else(|| DbError::corrupt("grants", "digest", record))?;
        Ok(GrantRow { digest, sealed: row.try_get("sealed")? })
    };
    rows.into_iter().map(read).collect()
}

/// How many grants a record has.
pub async fn count(db: impl Executor<'_>, record: RecordId) -> Result<u32, DbError> {
    let count: i64 = db::query_scalar("SELECT count(*) FROM grants WHERE record = $1")
        .bind(record.to_string())
        .fetch_one(db)
        .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Takes the grants of an erased record away.
pub async fn delete(tx: &mut Tx<'_>, record: RecordId) -> Result<(), DbError> {
    db::query("DELETE FROM grants WHERE record = $1").bind(record.to_string()).execute(&mut **tx).await?;
    Ok(())
}
