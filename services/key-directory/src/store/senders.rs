//! Senders.

use siegel_api::members::{ReturnReport, Standing};
use siegel_domain::SenderId;
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::{Reader, standing_str};

/// A sender. The label is still under the second layer.
pub(crate) struct SenderRow {
    pub(crate) id: SenderId,
    pub(crate) standing: Standing,
    pub(crate) return_report: ReturnReport,
    pub(crate) sealed_label: Vec<u8>,
    pub(crate) created_ms: i64,
    pub(crate) version: i64,
}

/// The word of a wish in the database, in events and between services.
pub(crate) const fn return_report_str(wish: ReturnReport) -> &'static str {
    match wish {
        ReturnReport::Always => "always",
        ReturnReport::Never => "never",
        ReturnReport::Ask => "ask",
    }
}

fn return_report_of(text: &str) -> Option<ReturnReport> {
    [ReturnReport::Always, ReturnReport::Never, ReturnReport::Ask]
        .into_iter()
        .find(|wish| return_report_str(*wish) == text)
}

impl TryFrom<Row> for SenderRow {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let row = Reader::new(row, "senders")?;
        Ok(Self {
            id: row.parse("id")?,
            standing: row.standing()?,
            return_report: row.with("return_report", return_report_of)?,
            sealed_label: row.get("sealed_label")?,
            created_ms: row.get("created_ms")?,
            version: row.get("version")?,
        })
    }
}

pub(crate) async fn get(executor: impl Executor<'_>, id: SenderId) -> Result<Option<SenderRow>, DbError> {
    let row = db::query("SELECT * FROM senders WHERE id = $1").bind(id.to_string()).fetch_optional(executor).await?;
    row.map(SenderRow::try_from).transpose()
}

/// A page, oldest first, behind `after`.
pub(crate) async fn page(
    executor: impl Executor<'_>,
    after: Option<(i64, String)>,
    limit: u32,
) -> Result<Vec<SenderRow>, DbError> {
    let (created_ms, id) = after.unwrap_or((i64::MIN, String::new()));
    let rows = db::query(
        "SELECT * FROM senders WHERE created_ms > $1 OR (created_ms = $1 AND id > $2) ORDER BY created_ms, id LIMIT $3",
    )
    .bind(created_ms)
    .bind(id)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(SenderRow::try_from).collect()
}

/// Senders that are not removed.
pub(crate) async fn count(executor: impl Executor<'_>) -> Result<i64, DbError> {
    db::query_scalar("SELECT count(*) FROM senders WHERE standing <> 'removed'").fetch_one(executor).await
}

/// A known id is a unique violation.
pub(crate) async fn insert_invited(
    tx: &mut Tx<'_>,
    id: SenderId,
    wish: ReturnReport,
    sealed_label: &[u8],
    now_ms: i64,
) -> Result<(), DbError> {
    db::query(
        "INSERT INTO senders (id, standing, return_report, sealed_label, created_ms)
         VALUES ($1, 'invited', $2, $3, $4)",
    )
    .bind(id.to_string())
    .bind(return_report_str(wish))
    .bind(sealed_label)
    .bind(now_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn set_standing(tx: &mut Tx<'_>, id: SenderId, standing: Standing) -> Result<(), DbError> {
    db::query("UPDATE senders SET standing = $2, version = version + 1 WHERE id = $1")
        .bind(id.to_string())
        .bind(standing_str(standing))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Sets the wish if the sender is still at `version`; false: it moved on.
pub(crate) async fn set_return_report(
    tx: &mut Tx<'_>,
    id: SenderId,
    version: i64,
    wish: ReturnReport,
) -> Result<bool, DbError> {
    let done = db::query("UPDATE senders SET return_report = $3, version = version + 1 WHERE id = $1 AND version = $2")
        .bind(id.to_string())
        .bind(version)
        .bind(return_report_str(wish))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}
