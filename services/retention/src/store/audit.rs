//! The audit trail: one line per audit event of any service. Derived from events, so it can be made anew; later issues
//! hang a Merkle log over it.

use siegel_api::retention::AuditLine;
use siegel_platform::db::{self, Db, DbError, Tx};
use siegel_proto::events::v1::{Audit, Event};

use super::read;

/// Which lines are wanted; empty fields match everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only about this id.
    pub object: Option<String>,
    /// Only by this principal, or `platform`.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
}

/// Adds a line. An event that was heard before adds none.
pub async fn append(tx: &mut Tx<'_>, event: &Event, audit: &Audit) -> Result<(), DbError> {
    db::query(
        "INSERT INTO audit_lines (event_id, source, time_ms, actor, device, action, object, outcome)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (event_id) DO NOTHING",
    )
    .bind(&event.id)
    .bind(&event.source)
    .bind(event.time_ms)
    .bind(&audit.actor)
    .bind(&audit.device)
    .bind(&audit.action)
    .bind(&audit.object)
    .bind(&audit.outcome)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// At most `limit` lines before sequence number `before`, newest first.
pub async fn page(db: &Db, filter: &Filter, before: Option<i64>, limit: u32) -> Result<Vec<AuditLine>, DbError> {
    let rows: Vec<Row> = db::query_as(
        "SELECT sequence, time_ms, actor, device, action, object, outcome FROM audit_lines
         WHERE sequence < $1 AND ($2 IS NULL OR object = $2) AND ($3 IS NULL OR actor = $3) AND ($4 IS NULL OR action = $4)
         ORDER BY sequence DESC LIMIT $5",
    )
    .bind(before.unwrap_or(i64::MAX))
    .bind(&filter.object)
    .bind(&filter.actor)
    .bind(&filter.action)
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.into_iter().map(line).collect()
}

/// Empties it, so that a replay of the events can make it anew.
pub async fn forget_all(tx: &mut Tx<'_>) -> Result<(), DbError> {
    db::query("DELETE FROM audit_lines").execute(&mut **tx).await?;
    Ok(())
}

type Row = (i64, i64, String, String, String, String, String);

fn line((sequence, time_ms, actor, device, action, object, outcome): Row) -> Result<AuditLine, DbError> {
    let device = if device.is_empty() { None } else { Some(read(&device, "audit_lines", "device")?) };
    let sequence = u64::try_from(sequence).map_err(|_| DbError::corrupt("audit_lines", "sequence", sequence))?;
    Ok(AuditLine { sequence, time_ms, actor, device, action, object, outcome })
}
