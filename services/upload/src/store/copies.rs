//! Table `copies`: which object each zone should hold for a part, and what it does hold.

use siegel_domain::{RecordId, Timestamp};
use siegel_platform::db::{self, DbError, Executor, Row, Tx};
use siegel_platform::zones::{Deletion, ObjectName};

use super::{id, number};

/// What a zone holds of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actual {
    /// The part, as its digest says.
    Held,
    /// Nothing, or nobody knows: the write failed, or the zone says there is no such object.
    Lost,
    /// Other bytes than the digest says.
    Rot,
    /// Nothing any more; it was deleted and looked for again.
    Absent,
}

impl Actual {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Lost => "lost",
            Self::Rot => "rot",
            Self::Absent => "absent",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Held, Self::Lost, Self::Rot, Self::Absent].into_iter().find(|actual| actual.as_str() == text)
    }
}

/// An object in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    /// The zone's name.
    pub zone: String,
    /// The object.
    pub object: ObjectName,
    /// Whose part it is.
    pub record: RecordId,
    /// Which part.
    pub part: u32,
    /// Whether it should be there; else it should not.
    pub wanted: bool,
    /// What the zone holds.
    pub actual: Actual,
    /// When its deletion was answered, and when it was found absent.
    pub gone: Option<Deletion>,
}

impl CopyRow {
    /// Whether the zone holds a good copy that should stay.
    pub fn is_good(&self) -> bool {
        self.wanted && self.actual == Actual::Held
    }
}

impl TryFrom<&Row> for CopyRow {
    type Error = DbError;

    fn try_from(row: &Row) -> Result<Self, DbError> {
        const TABLE: &str = "copies";
        let record: RecordId = id(row, TABLE, "record")?;
        let corrupt = |column| DbError::corrupt(TABLE, column, record);
        let deleted: Option<i64> = row.try_get("deleted_ms")?;
        let absent: Option<i64> = row.try_get("absent_ms")?;
        let gone = deleted
            .zip(absent)
            .map(|(deleted, absent)| Deletion { deleted: Timestamp(deleted), absent: Timestamp(absent) });
        Ok(Self {
            zone: row.try_get("zone")?,
            object: ObjectName::parse(row.try_get("object")?).ok_or_else(|| corrupt("object"))?,
            record,
            part: number(row, TABLE, "part")?,
            wanted: match row.try_get("wanted")? {
                "held" => true,
                "absent" => false,
                _ => return Err(corrupt("wanted")),
            },
            actual: Actual::parse(row.try_get("actual")?).ok_or_else(|| corrupt("actual"))?,
            gone,
        })
    }
}

macro_rules! copy_columns {
    () => {
        "c.zone, c.object, c.record, c.part, c.wanted, c.actual, c.deleted_ms, c.absent_ms"
    };
}

/// A new object that should be there, and whether it is.
pub async fn insert(
    tx: &mut Tx<'_>,
    (record, part): (RecordId, u32),
    zone: &str,
    object: &ObjectName,
    actual: Actual,
    now: Timestamp,
) -> Result<(), DbError> {
    db::query(
        "INSERT INTO copies (zone, object, record, part, wanted, actual, checked_ms) VALUES ($1, $2, $3, $4, 'held', $5, $6)",
    )
    .bind(zone)
    .bind(object.as_str())
    .bind(record.to_string())
    .bind(part)
    .bind(actual.as_str())
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The objects of one part that should be there.
pub async fn of_part(db: impl Executor<'_>, record: RecordId, part: u32) -> Result<Vec<CopyRow>, DbError> {
    let rows = db::query(concat!(
        "SELECT ",
        copy_columns!(),
        " FROM copies c WHERE c.record = $1 AND c.part = $2 AND c.wanted = 'held' ORDER BY c.zone"
    ))
    .bind(record.to_string())
    .bind(part)
    .fetch_all(db)
    .await?;
    rows.iter().map(CopyRow::try_from).collect()
}

/// Every object a record has or had, in order.
pub async fn of_record(db: impl Executor<'_>, record: RecordId) -> Result<Vec<CopyRow>, DbError> {
    let rows = db::query(concat!(
        "SELECT ",
        copy_columns!(),
        " FROM copies c WHERE c.record = $1 ORDER BY c.part, c.zone, c.object"
    ))
    .bind(record.to_string())
    .fetch_all(db)
    .await?;
    rows.iter().map(CopyRow::try_from).collect()
}

/// The zones that hold each part: one pair of part and zone for each good copy, in order.
pub async fn held(db: impl Executor<'_>, record: RecordId) -> Result<Vec<(u32, String)>, DbError> {
    // Which of them are good is decided here: said in the query, PostgreSQL may take the index of what is to be scrubbed, which holds
    // every good copy of the institution, and read all of it for one record.
    let rows =
        db::query(concat!("SELECT ", copy_columns!(), " FROM copies c WHERE c.record = $1 ORDER BY c.part, c.zone"))
            .bind(record.to_string())
            .fetch_all(db)
            .await?;
    let copies = rows.iter().map(CopyRow::try_from);
    copies.filter_map(|copy| copy.map(|copy| copy.is_good().then_some((copy.part, copy.zone))).transpose()).collect()
}

/// What is wrong in a zone and belongs to a record that lives, at most `limit`: to be healed or taken away.
pub async fn to_repair(db: impl Executor<'_>, zone: &str, limit: u32) -> Result<Vec<CopyRow>, DbError> {
    let rows = db::query(concat!(
        "SELECT ",
        copy_columns!(),
        " FROM copies c JOIN records r ON r.id = c.record
          WHERE c.wanted <> c.actual AND c.zone = $1 AND r.state IN ('open', 'committing', 'committed')
          ORDER BY c.checked_ms LIMIT $2"
    ))
    .bind(zone)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(CopyRow::try_from).collect()
}

/// How much [`to_repair`] would find without a limit.
pub async fn waiting(db: impl Executor<'_>, zone: &str) -> Result<i64, DbError> {
    let waiting = db::query_scalar(
        "SELECT COUNT(*) FROM copies c JOIN records r ON r.id = c.record
          WHERE c.wanted <> c.actual AND c.zone = $1 AND r.state IN ('open', 'committing', 'committed')",
    );
    waiting.bind(zone).fetch_one(db).await
}

/// Objects of a record that should go and are not known to be gone, at most `limit`, outside of `skip`.
pub async fn to_remove(
    db: impl Executor<'_>,
    record: RecordId,
    skip: &[String],
    limit: u32,
) -> Result<Vec<CopyRow>, DbError> {
    let rows = db::query(concat!(
        "SELECT ",
        copy_columns!(),
        " FROM copies c WHERE c.record = $1 AND c.wanted <> c.actual AND c.wanted = 'absent'
          AND $2 NOT LIKE '%,' || c.zone || ',%' ORDER BY c.part LIMIT $3"
    ))
    .bind(record.to_string())
    .bind(format!(",{},", skip.join(","))) // a list in words that both databases understand
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(CopyRow::try_from).collect()
}

/// Good copies in a zone that nobody compared with their digest since `before`, or only under a clock that stood ahead of
/// `now`; the longest unseen first, at most `limit`.
pub async fn to_scrub(
    db: impl Executor<'_>,
    zone: &str,
    before: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<CopyRow>, DbError> {
    let rows = db::query(concat!(
        "SELECT ",
        copy_columns!(),
        " FROM copies c WHERE c.wanted = 'held' AND c.actual = 'held' AND c.zone = $1
          AND (c.checked_ms < $2 OR c.checked_ms > $3) ORDER BY c.checked_ms LIMIT $4"
    ))
    .bind(zone)
    .bind(before.0)
    .bind(now.0)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(CopyRow::try_from).collect()
}

/// Writes down what was seen of an object that should be there; false if it is no longer wanted, or known already.
pub async fn seen(
    tx: &mut Tx<'_>,
    zone: &str,
    object: &ObjectName,
    actual: Actual,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = db::query(
        "UPDATE copies SET actual = $3, checked_ms = $4 WHERE zone = $1 AND object = $2 AND wanted = 'held' AND actual <> $3",
    )
    .bind(zone)
    .bind(object.as_str())
    .bind(actual.as_str())
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Somebody looked at an object, whatever came of it: others are looked at first now.
pub async fn looked_at(tx: &mut Tx<'_>, zone: &str, object: &ObjectName, now: Timestamp) -> Result<(), DbError> {
    db::query("UPDATE copies SET checked_ms = $3 WHERE zone = $1 AND object = $2")
        .bind(zone)
        .bind(object.as_str())
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// An object that was replaced should go; false if it was not wanted any more.
pub async fn unwant(tx: &mut Tx<'_>, zone: &str, object: &ObjectName) -> Result<bool, DbError> {
    let done = db::query("UPDATE copies SET wanted = 'absent' WHERE zone = $1 AND object = $2 AND wanted = 'held'")
        .bind(zone)
        .bind(object.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// All objects of a record should go. What was replaced and seen to be absent is looked for again: a write that was given
/// up may have arrived since.
pub async fn unwant_all(tx: &mut Tx<'_>, record: RecordId) -> Result<(), DbError> {
    db::query(
        "UPDATE copies SET wanted = 'absent', actual = CASE actual WHEN 'absent' THEN 'lost' ELSE actual END,
                deleted_ms = NULL, absent_ms = NULL WHERE record = $1",
    )
    .bind(record.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An object that should go was deleted and found absent.
pub async fn removed(tx: &mut Tx<'_>, zone: &str, object: &ObjectName, gone: Deletion) -> Result<(), DbError> {
    db::query(
        "UPDATE copies SET actual = 'absent', deleted_ms = $3, absent_ms = $4
         WHERE zone = $1 AND object = $2 AND wanted = 'absent'",
    )
    .bind(zone)
    .bind(object.as_str())
    .bind(gone.deleted.0)
    .bind(gone.absent.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets an object that was replaced and is gone, or all that a swept upload had.
pub async fn forget_absent(tx: &mut Tx<'_>, record: RecordId) -> Result<(), DbError> {
    db::query("DELETE FROM copies WHERE record = $1 AND wanted = 'absent' AND actual = 'absent'")
        .bind(record.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether a row says that this object may be there: a part's copy, or a tombstone (written or about to be). What was
/// deleted and seen to be absent is known to be gone; if it lies there, a write came late, and it is an orphan.
pub async fn knows(db: impl Executor<'_>, zone: &str, object: &ObjectName) -> Result<bool, DbError> {
    let known: i64 = db::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM copies WHERE zone = $1 AND object = $2
                         AND NOT (wanted = 'absent' AND actual = 'absent'))
             OR EXISTS (SELECT 1 FROM erasures WHERE tombstone_object = $2)",
    )
    .bind(zone)
    .bind(object.as_str())
    .fetch_one(db)
    .await?;
    Ok(known != 0)
}
