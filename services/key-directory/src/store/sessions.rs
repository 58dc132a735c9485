//! Sessions, and what is good once.

use siegel_domain::{DeviceId, Principal, SessionId};
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::Reader;

/// A session.
pub(crate) struct SessionRow {
    pub(crate) principal: Principal,
    pub(crate) device: DeviceId,
    pub(crate) seen_ms: i64,
    pub(crate) ended_ms: Option<i64>,
}

impl TryFrom<Row> for SessionRow {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let row = Reader::new(row, "sessions")?;
        Ok(Self {
            principal: row.parse("principal")?,
            device: row.parse("device")?,
            seen_ms: row.get("seen_ms")?,
            ended_ms: row.get("ended_ms")?,
        })
    }
}

pub(crate) async fn get(executor: impl Executor<'_>, id: SessionId) -> Result<Option<SessionRow>, DbError> {
    let row = db::query("SELECT * FROM sessions WHERE id = $1").bind(id.to_string()).fetch_optional(executor).await?;
    row.map(SessionRow::try_from).transpose()
}

/// Opens a session, and drops those of the same principal that ended or went idle before `stale_ms`, so that the table
/// stays as small as its living rows.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    id: SessionId,
    (principal, device): (Principal, DeviceId),
    now_ms: i64,
    stale_ms: i64,
) -> Result<(), DbError> {
    db::query("DELETE FROM sessions WHERE principal = $1 AND (seen_ms < $2 OR ended_ms < $2)")
        .bind(principal.to_string())
        .bind(stale_ms)
        .execute(&mut **tx)
        .await?;
    db::query("INSERT INTO sessions (id, principal, device, created_ms, seen_ms) VALUES ($1, $2, $3, $4, $4)")
        .bind(id.to_string())
        .bind(principal.to_string())
        .bind(device.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The session was used.
pub(crate) async fn seen(tx: &mut Tx<'_>, id: SessionId, now_ms: i64) -> Result<(), DbError> {
    db::query("UPDATE sessions SET seen_ms = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Which sessions to end.
pub(crate) enum Of {
    One(SessionId),
    Device(DeviceId),
    Principal(Principal),
}

/// Ends living sessions and returns them.
pub(crate) async fn end(tx: &mut Tx<'_>, of: Of, now_ms: i64) -> Result<Vec<SessionId>, DbError> {
    let (sql, key) = match of {
        Of::One(id) => {
            ("UPDATE sessions SET ended_ms = $2 WHERE id = $1 AND ended_ms IS NULL RETURNING id", id.to_string())
        }
        Of::Device(id) => {
            ("UPDATE sessions SET ended_ms = $2 WHERE device = $1 AND ended_ms IS NULL RETURNING id", id.to_string())
        }
        Of::Principal(id) => {
            ("UPDATE sessions SET ended_ms = $2 WHERE principal = $1 AND ended_ms IS NULL RETURNING id", id.to_string())
        }
    };
    let ended: Vec<String> = db::query_scalar(sql).bind(key).bind(now_ms).fetch_all(&mut **tx).await?;
    ended.iter().map(|id| id.parse().map_err(|_| DbError::corrupt("sessions", "id", "?"))).collect()
}
