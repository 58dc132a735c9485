//! When records fall due, and whom they concern. Derived from events; a replay makes it anew.

use siegel_domain::{Party, RecordId, RetentionPolicy, Timestamp};
use siegel_platform::db::{self, Db, DbError, Tx};

use super::read;

/// A record's deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The record.
    pub record: RecordId,
    /// What it is computed by.
    pub policy: RetentionPolicy,
    /// The commit, or the last complete fetch.
    pub touched: Timestamp,
    /// When it falls due.
    pub due: Timestamp,
}

/// The clock of a record starts. A second commit of the same record changes nothing.
pub async fn start(tx: &mut Tx<'_>, record: RecordId, policy: RetentionPolicy, at: Timestamp) -> Result<(), DbError> {
    db::query(
        "INSERT INTO deadlines (record, policy, touched_ms, due_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(record.to_string())
    .bind(policy.as_str())
    .bind(at.0)
    .bind(policy.due_after(at).0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The clock of a record starts anew, unless it is being erased. An older fetch never brings the deadline forward.
pub async fn restart(tx: &mut Tx<'_>, record: RecordId, policy: RetentionPolicy, at: Timestamp) -> Result<(), DbError> {
    db::query("UPDATE deadlines SET policy = $2, touched_ms = $3, due_ms = $4 WHERE record = $1 AND touched_ms < $3")
        .bind(record.to_string())
        .bind(policy.as_str())
        .bind(at.0)
        .bind(policy.due_after(at).0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Nothing was touched later than now: what was stamped by a clock that stood ahead counts from now on.
pub async fn bring_back(db: &Db, now: Timestamp) -> Result<(), DbError> {
    let ahead: Vec<(String, String)> = db::query_as("SELECT record, policy FROM deadlines WHERE touched_ms > $1")
        .bind(now.0)
        .fetch_all(db.reader())
        .await?;
    if ahead.is_empty() {
        return Ok(());
    }
    let ahead = &ahead;
    db.tx("retention.bring_back", |tx| {
        Box::pin(async move {
            for (record, policy) in ahead {
                let policy =
                    RetentionPolicy::parse(policy).ok_or_else(|| DbError::corrupt("deadlines", "policy", record))?;
                db::query("UPDATE deadlines SET touched_ms = $2, due_ms = $3 WHERE record = $1 AND touched_ms > $2")
                    .bind(record)
                    .bind(now.0)
                    .bind(policy.due_after(now).0)
                    .execute(&mut **tx)
                    .await?;
            }
            Ok::<_, DbError>(())
        })
    })
    .await
}

/// The record is being erased: its clock stops.
pub async fn stop(tx: &mut Tx<'_>, record: RecordId) -> Result<(), DbError> {
    db::query("DELETE FROM deadlines WHERE record = $1").bind(record.to_string()).execute(&mut **tx).await?;
    Ok(())
}

/// Whom a record concerns, from now on.
pub async fn concern(tx: &mut Tx<'_>, record: RecordId, parties: &[Party]) -> Result<(), DbError> {
    for party in parties {
        db::query("INSERT INTO record_parties (record, party) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(record.to_string())
            .bind(party.to_string())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Everyone a record concerned; afterwards nobody: it is erased, and its receipt knows them.
pub async fn take_parties(tx: &mut Tx<'_>, record: RecordId) -> Result<Vec<Party>, DbError> {
    let rows: Vec<(String,)> = db::query_as("DELETE FROM record_parties WHERE record = $1 RETURNING party")
        .bind(record.to_string())
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(|(party,)| read(party, "record_parties", "party")).collect()
}

/// Whether a record concerns `party`.
pub async fn concerns(db: &Db, record: RecordId, party: Party) -> Result<bool, DbError> {
    let row: Option<(i64,)> = db::query_as("SELECT 1 FROM record_parties WHERE record = $1 AND party = $2")
        .bind(record.to_string())
        .bind(party.to_string())
        .fetch_optional(db.reader())
        .await?;
    Ok(row.is_some())
}

/// A record's deadline; none if it is not known or being erased.
pub async fn get(db: &Db, record: RecordId) -> Result<Option<Deadline>, DbError> {
    let row: Option<Row> = db::query_as("SELECT record, policy, touched_ms, due_ms FROM deadlines WHERE record = $1")
        .bind(record.to_string())
        .fetch_optional(db.reader())
        .await?;
    row.map(deadline).transpose()
}

/// Records that are due at `now` and for which no erasure was begun, the longest overdue first.
pub async fn due(db: &Db, now: Timestamp, limit: u32) -> Result<Vec<RecordId>, DbError> {
    let rows: Vec<(String,)> = db::query_as(
        "SELECT record FROM deadlines WHERE due_ms <= $1
         AND NOT EXISTS (SELECT 1 FROM erasures WHERE target = record)
         ORDER BY due_ms LIMIT $2",
    )
    .bind(now.0)
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|(record,)| read(record, "deadlines", "record")).collect()
}

/// When the next record falls due, if there is one for which no erasure was begun.
pub async fn next(db: &Db) -> Result<Option<Timestamp>, DbError> {
    let row: Option<(i64,)> = db::query_as(
        "SELECT due_ms FROM deadlines
         WHERE NOT EXISTS (SELECT 1 FROM erasures WHERE target = record) ORDER BY due_ms LIMIT 1",
    )
    .fetch_optional(db.reader())
    .await?;
    Ok(row.map(|(due_ms,)| Timestamp(due_ms)))
}

/// Forgets whom records concern, so that a replay of the events can make it anew.
pub async fn forget_parties(tx: &mut Tx<'_>) -> Result<(), DbError> {
    db::query("DELETE FROM record_parties").execute(&mut **tx).await?;
    Ok(())
}

type Row = (String, String, i64, i64);

fn deadline((record, policy, touched_ms, due_ms): Row) -> Result<Deadline, DbError> {
    Ok(Deadline {
        record: read(&record, "deadlines", "record")?,
        policy: RetentionPolicy::parse(&policy).ok_or_else(|| DbError::corrupt("deadlines", "policy", &record))?,
        touched: Timestamp(touched_ms),
        due: Timestamp(due_ms),
    })
}
