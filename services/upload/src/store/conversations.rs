//! Table `conversations`.

use siegel_domain::{ConversationId, Party, Principal, Timestamp};
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::{id, number};

/// A thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRow {
    /// The thread.
    pub id: ConversationId,
    /// The side that is not the tenant.
    pub second_party: Party,
    /// Who opened it.
    pub opened_by: Principal,
    /// The subject under the second layer.
    pub sealed_subject: Option<Vec<u8>>,
    /// When it was opened.
    pub created: Timestamp,
    /// The last commit in it.
    pub last_activity: Timestamp,
    /// Committed records.
    pub records: u32,
    /// When it was closed for good.
    pub erased: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "id, second_party, opened_by, sealed_subject, created_ms, last_activity_ms, records, erased_ms"
    };
}

impl TryFrom<&Row> for ConversationRow {
    type Error = DbError;

    fn try_from(row: &Row) -> Result<Self, DbError> {
        const TABLE: &str = "conversations";
        Ok(Self {
            id: id(row, TABLE, "id")?,
            second_party: id(row, TABLE, "second_party")?,
            opened_by: id(row, TABLE, "opened_by")?,
            sealed_subject: row.try_get("sealed_subject")?,
            created: Timestamp(row.try_get("created_ms")?),
            last_activity: Timestamp(row.try_get("last_activity_ms")?),
            records: number(row, TABLE, "records")?,
            erased: row.try_get::<Option<i64>, _>("erased_ms")?.map(Timestamp),
        })
    }
}

/// The thread, erased or not.
pub async fn find(db: impl Executor<'_>, conversation: ConversationId) -> Result<Option<ConversationRow>, DbError> {
    let row = db::query(concat!("SELECT ", columns!(), " FROM conversations WHERE id = $1"))
        .bind(conversation.to_string())
        .fetch_optional(db)
        .await?;
    row.as_ref().map(ConversationRow::try_from).transpose()
}

/// Opens a thread; false if there is one of that id.
pub async fn insert(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    second_party: Party,
    opened_by: Principal,
    sealed_subject: Option<&[u8]>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = db::query(
        "INSERT INTO conversations (id, second_party, opened_by, sealed_subject, created_ms, last_activity_ms)
         VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (id) DO NOTHING",
    )
    .bind(conversation.to_string())
    .bind(second_party.to_string())
    .bind(opened_by.to_string())
    .bind(sealed_subject)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A record was committed in it; false if it was closed for good meanwhile.
pub async fn joined(tx: &mut Tx<'_>, conversation: ConversationId, now: Timestamp) -> Result<bool, DbError> {
    let done = db::query(
        "UPDATE conversations SET last_activity_ms = $2, records = records + 1 WHERE id = $1 AND erased_ms IS NULL",
    )
    .bind(conversation.to_string())
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes it for good; false if it is closed or never was.
pub async fn erase(tx: &mut Tx<'_>, conversation: ConversationId, now: Timestamp) -> Result<bool, DbError> {
    let done =
        db::query("UPDATE conversations SET erased_ms = $2, sealed_subject = NULL WHERE id = $1 AND erased_ms IS NULL")
            .bind(conversation.to_string())
            .bind(now.0)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Threads before the cursor, the latest activity first: of one second party, or all.
pub async fn page(
    db: impl Executor<'_>,
    second_party: Option<Party>,
    before: (i64, &str),
    limit: u32,
) -> Result<Vec<ConversationRow>, DbError> {
    // Two texts, so that each has its index.
    let all = concat!(
        "SELECT ",
        columns!(),
        " FROM conversations WHERE erased_ms IS NULL AND $1 IS NULL AND (last_activity_ms, id) < ($2, $3)
          ORDER BY last_activity_ms DESC, id DESC LIMIT $4"
    );
    let of_party = concat!(
        "SELECT ",
        columns!(),
        " FROM conversations WHERE erased_ms IS NULL AND second_party = $1 AND (last_activity_ms, id) < ($2, $3)
          ORDER BY last_activity_ms DESC, id DESC LIMIT $4"
    );
    let rows = db::query(if second_party.is_some() { of_party } else { all })
        .bind(second_party.map(|party| party.to_string()))
        .bind(before.0)
        .bind(before.1)
        .bind(limit)
        .fetch_all(db)
        .await?;
    rows.iter().map(ConversationRow::try_from).collect()
}
