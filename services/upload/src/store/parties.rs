//! Table `parties`: who may read a record, and the lists made of it.

use siegel_domain::{Party, RecordId, Timestamp};
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::id;
use super::records::{RecordRow, record_columns};

/// In which list a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailbox {
    /// For its recipients.
    Inbox,
    /// For its sender.
    Sent,
}

impl Mailbox {
    /// The word in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Sent => "sent",
        }
    }
}

/// One who may read a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartyRow {
    /// Who.
    pub party: Party,
    /// As sender or as recipient.
    pub is_sender: bool,
    /// By the signed manifest; else it was passed on to them.
    pub named: bool,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this kind.
    pub kind: Option<&'static str>,
    /// Only this thread.
    pub conversation: Option<String>,
    /// Only what answers this record.
    pub answers: Option<String>,
}

/// Lets a party read a record; nothing happens if it may already.
pub async fn insert(
    tx: &mut Tx<'_>,
    record: RecordId,
    party: Party,
    mailbox: Mailbox,
    named: bool,
    committed: Timestamp,
) -> Result<(), DbError> {
    db::query(
        "INSERT INTO parties (record, party, mailbox, named, committed_ms) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(record.to_string())
    .bind(party.to_string())
    .bind(mailbox.as_str())
    .bind(i64::from(named))
    .bind(committed.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Everyone who may read a record.
pub async fn of_record(db: impl Executor<'_>, record: RecordId) -> Result<Vec<PartyRow>, DbError> {
    let rows = db::query("SELECT party, mailbox, named FROM parties WHERE record = $1 ORDER BY named DESC, party")
        .bind(record.to_string())
        .fetch_all(db)
        .await?;
    let read = |row: &Row| {
        let (mailbox, named): (&str, i64) = (row.try_get("mailbox")?, row.try_get("named")?);
        let is_sender = mailbox == Mailbox::Sent.as_str();
        Ok(PartyRow { party: id(row, "parties", "party")?, is_sender, named: named != 0 })
    };
    rows.iter().map(read).collect()
}

/// Committed records in a party's mailbox before the cursor, newest first, at most `limit`.
pub async fn page(
    db: impl Executor<'_>,
    party: Party,
    mailbox: Mailbox,
    before: (i64, &str),
    filter: &Filter,
    limit: u32,
) -> Result<Vec<RecordRow>, DbError> {
    let rows = db::query(concat!(
        "SELECT ",
        record_columns!(),
        " FROM parties p JOIN records r ON r.id = p.record
          WHERE p.party = $1 AND p.mailbox = $2 AND (p.committed_ms, p.record) < ($3, $4) AND r.state = 'committed'
            AND ($5 IS NULL OR r.kind = $5) AND ($6 IS NULL OR r.conversation = $6) AND ($7 IS NULL OR r.answers = $7)
          ORDER BY p.committed_ms DESC, p.record DESC LIMIT $8"
    ))
    .bind(party.to_string())
    .bind(mailbox.as_str())
    .bind(before.0)
    .bind(before.1)
    .bind(filter.kind)
    .bind(&filter.conversation)
    .bind(&filter.answers)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(RecordRow::try_from).collect()
}

/// Nobody may read it any more.
pub async fn delete(tx: &mut Tx<'_>, record: RecordId) -> Result<(), DbError> {
    for table in ["DELETE FROM parties WHERE record = $1", "DELETE FROM fetches WHERE record = $1"] {
        db::query(table).bind(record.to_string()).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Counts a complete fetch.
pub async fn fetched(tx: &mut Tx<'_>, record: RecordId, who: &str, now: Timestamp) -> Result<(), DbError> {
    db::query(
        "INSERT INTO fetches (record, who, times, last_ms) VALUES ($1, $2, 1, $3)
         ON CONFLICT (record, who) DO UPDATE SET times = fetches.times + 1, last_ms = excluded.last_ms",
    )
    .bind(record.to_string())
    .bind(who)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Complete fetches of a record by `who`.
pub async fn fetches(db: impl Executor<'_>, record: RecordId, who: &str) -> Result<u32, DbError> {
    let times: Option<i64> = db::query_scalar("SELECT times FROM fetches WHERE record = $1 AND who = $2")
        .bind(record.to_string())
        .bind(who)
        .fetch_optional(db)
        .await?;
    Ok(u32::try_from(times.unwrap_or(0)).unwrap_or(u32::MAX))
}
