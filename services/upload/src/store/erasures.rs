//! Tables `erasures` and `tombstones`: what was seen while a record was erased.

use siegel_domain::{Party, RecordId, Timestamp};
use siegel_platform::db::{self, DbError, Executor, Row, Tx};
use siegel_platform::zones::ObjectName;

use super::id;

/// An erasure, running or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRow {
    /// When the record became unreadable for everyone.
    pub began: Timestamp,
    /// Who had sealed it.
    pub sender: Party,
    /// Who could read it.
    pub recipients: Vec<Party>,
    /// When the shred key's row was found gone.
    pub shred_gone: Option<Timestamp>,
    /// The signed tombstone.
    pub tombstone: Vec<u8>,
    /// The tombstone's name in both zones.
    pub tombstone_object: ObjectName,
    /// When nothing was left to do.
    pub done: Option<Timestamp>,
}

impl TryFrom<&Row> for ErasureRow {
    type Error = DbError;

    fn try_from(row: &Row) -> Result<Self, DbError> {
        const TABLE: &str = "erasures";
        let corrupt = |column| DbError::corrupt(TABLE, column, "?");
        let recipients: &str = row.try_get("recipients")?;
        let parse = |text: &str| text.parse().map_err(|_| corrupt("recipients"));
        Ok(Self {
            began: Timestamp(row.try_get("began_ms")?),
            sender: id(row, TABLE, "sender")?,
            recipients: recipients.split_ascii_whitespace().map(parse).collect::<Result<_, _>>()?,
            shred_gone: row.try_get::<Option<i64>, _>("shred_gone_ms")?.map(Timestamp),
            tombstone: row.try_get("tombstone")?,
            tombstone_object: ObjectName::parse(row.try_get("tombstone_object")?)
                .ok_or_else(|| corrupt("tombstone_object"))?,
            done: row.try_get::<Option<i64>, _>("done_ms")?.map(Timestamp),
        })
    }
}

/// The erasure of a record, if it was ordered.
pub async fn find(db: impl Executor<'_>, record: RecordId) -> Result<Option<ErasureRow>, DbError> {
    let row = db::query(
        "SELECT began_ms, sender, recipients, shred_gone_ms, tombstone, tombstone_object, done_ms
         FROM erasures WHERE record = $1",
    )
    .bind(record.to_string())
    .fetch_optional(db)
    .await?;
    row.as_ref().map(ErasureRow::try_from).transpose()
}

/// Writes down that erasing has begun.
pub async fn begin(tx: &mut Tx<'_>, record: RecordId, cause: &str, erasure: &ErasureRow) -> Result<(), DbError> {
    let recipients: Vec<String> = erasure.recipients.iter().map(ToString::to_string).collect();
    db::query(
        "INSERT INTO erasures (record, cause, began_ms, sender, recipients, tombstone, tombstone_object)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(record.to_string())
    .bind(cause)
    .bind(erasure.began.0)
    .bind(erasure.sender.to_string())
    .bind(recipients.join(" "))
    .bind(&erasure.tombstone)
    .bind(erasure.tombstone_object.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The shred key's row was found gone.
pub async fn shredded(tx: &mut Tx<'_>, record: RecordId, now: Timestamp) -> Result<(), DbError> {
    db::query("UPDATE erasures SET shred_gone_ms = $2 WHERE record = $1 AND shred_gone_ms IS NULL")
        .bind(record.to_string())
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Nothing is left to do.
pub async fn done(tx: &mut Tx<'_>, record: RecordId, now: Timestamp) -> Result<(), DbError> {
    db::query("UPDATE erasures SET done_ms = $2 WHERE record = $1")
        .bind(record.to_string())
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A zone holds the tombstone.
pub async fn tombstone_written(
    tx: &mut Tx<'_>,
    record: RecordId,
    zone: &str,
    object: &ObjectName,
    now: Timestamp,
) -> Result<(), DbError> {
    db::query(
        "INSERT INTO tombstones (record, zone, object, written_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(record.to_string())
    .bind(zone)
    .bind(object.as_str())
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The zones that hold the tombstone, with its name.
pub async fn tombstones(db: impl Executor<'_>, record: RecordId) -> Result<Vec<(String, String)>, DbError> {
    let rows = db::query_as("SELECT zone, object FROM tombstones WHERE record = $1 ORDER BY zone")
        .bind(record.to_string())
        .fetch_all(db)
        .await?;
    Ok(rows)
}
