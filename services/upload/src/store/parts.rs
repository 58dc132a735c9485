//! Table `parts`: what was acknowledged. Rows are written once and never changed.

use siegel_domain::RecordId;
use siegel_envelope::PartDigest;
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::number;

/// An acknowledged part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartRow {
    /// From 0.
    pub number: u32,
    /// Its digest.
    pub digest: PartDigest,
    /// Its sealed size.
    pub sealed_bytes: u32,
}

impl TryFrom<&Row> for PartRow {
    type Error = DbError;

    fn try_from(row: &Row) -> Result<Self, DbError> {
        let part: u32 = number(row, "parts", "number")?;
        let digest: &[u8] = row.try_get("digest")?;
        let digest = PartDigest::from_slice(digest).ok_or_else(|| DbError::corrupt("parts", "digest", part))?;
        Ok(Self { number: part, digest, sealed_bytes: number(row, "parts", "sealed_bytes")? })
    }
}

/// One part.
pub async fn find(db: impl Executor<'_>, record: RecordId, part: u32) -> Result<Option<PartRow>, DbError> {
    let row = db::query("SELECT number, digest, sealed_bytes FROM parts WHERE record = $1 AND number = $2")
        .bind(record.to_string())
        .bind(part)
        .fetch_optional(db)
        .await?;
    row.as_ref().map(PartRow::try_from).transpose()
}

/// All parts in order.
pub async fn of_record(db: impl Executor<'_>, record: RecordId) -> Result<Vec<PartRow>, DbError> {
    let rows = db::query("SELECT number, digest, sealed_bytes FROM parts WHERE record = $1 ORDER BY number")
        .bind(record.to_string())
        .fetch_all(db)
        .await?;
    rows.iter().map(PartRow::try_from).collect()
}

/// Acknowledges a part; false if that number has one already.
pub async fn insert(tx: &mut Tx<'_>, record: RecordId, part: &PartRow) -> Result<bool, DbError> {
    let done = db::query(
        "INSERT INTO parts (record, number, digest, sealed_bytes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(record.to_string())
    .bind(part.number)
    .bind(part.digest.as_bytes().as_slice())
    .bind(part.sealed_bytes)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets the parts of a record that is gone.
pub async fn delete(tx: &mut Tx<'_>, record: RecordId) -> Result<(), DbError> {
    db::query("DELETE FROM parts WHERE record = $1").bind(record.to_string()).execute(&mut **tx).await?;
    Ok(())
}
