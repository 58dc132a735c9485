//! Dealers, in the provider database: their codes, machines and sessions. Its tables are
//! `siegel-platform/migrations/provider`; no tenant's data lies there.

use prost::Message;
use siegel_domain::{DealerId, DeviceId, InviteId, SessionId};
use siegel_envelope::SigningPublicKey;
use siegel_platform::db::{self, DbError, Executor, Row, Tx};
use siegel_proto::events::v1::Event;

use super::Reader;

/// A dealer's code.
pub(crate) struct InviteRow {
    pub(crate) id: InviteId,
    pub(crate) dealer: DealerId,
    pub(crate) device: DeviceId,
    pub(crate) expires_ms: i64,
    pub(crate) used_ms: Option<i64>,
}

impl TryFrom<Row> for InviteRow {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let row = Reader::new(row, "dealer_invites")?;
        Ok(Self {
            id: row.parse("id")?,
            dealer: row.parse("dealer")?,
            device: row.parse("device")?,
            expires_ms: row.get("expires_ms")?,
            used_ms: row.get("used_ms")?,
        })
    }
}

pub(crate) async fn invite(executor: impl Executor<'_>, auth_hash: &[u8]) -> Result<Option<InviteRow>, DbError> {
    let row =
        db::query("SELECT * FROM dealer_invites WHERE auth_hash = $1").bind(auth_hash).fetch_optional(executor).await?;
    row.map(InviteRow::try_from).transpose()
}

/// A new dealer with one code.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    label: &str,
    invite: &InviteRow,
    auth_hash: &[u8],
    now_ms: i64,
) -> Result<(), DbError> {
    db::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ($1, $2, 'active', $3)")
        .bind(invite.dealer.to_string())
        .bind(label)
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    db::query(
        "INSERT INTO dealer_invites (id, dealer, auth_hash, device, created_ms, expires_ms)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(invite.id.to_string())
    .bind(invite.dealer.to_string())
    .bind(auth_hash)
    .bind(invite.device.to_string())
    .bind(now_ms)
    .bind(invite.expires_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses the code up; false: somebody did already.
pub(crate) async fn consume(tx: &mut Tx<'_>, id: InviteId, now_ms: i64) -> Result<bool, DbError> {
    let done = db::query("UPDATE dealer_invites SET used_ms = $2 WHERE id = $1 AND used_ms IS NULL")
        .bind(id.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A dealer's machine.
pub(crate) struct DeviceRow {
    pub(crate) id: DeviceId,
    pub(crate) dealer: DealerId,
    pub(crate) sign_key: SigningPublicKey,
    pub(crate) created_ms: i64,
    pub(crate) revoked_ms: Option<i64>,
}

impl TryFrom<Row> for DeviceRow {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let row = Reader::new(row, "dealer_devices")?;
        let key: &[u8] = row.get("sign_key")?;
        let sign_key = key.try_into().ok().and_then(|key| SigningPublicKey::from_bytes(key).ok());
        Ok(Self {
            id: row.parse("id")?,
            dealer: row.parse("dealer")?,
            sign_key: sign_key.ok_or_else(|| DbError::corrupt("dealer_devices", "sign_key", &row.key))?,
            created_ms: row.get("created_ms")?,
            revoked_ms: row.get("revoked_ms")?,
        })
    }
}

pub(crate) async fn device(executor: impl Executor<'_>, id: DeviceId) -> Result<Option<DeviceRow>, DbError> {
    let row =
        db::query("SELECT * FROM dealer_devices WHERE id = $1").bind(id.to_string()).fetch_optional(executor).await?;
    row.map(DeviceRow::try_from).transpose()
}

pub(crate) async fn devices(executor: impl Executor<'_>, dealer: DealerId) -> Result<Vec<DeviceRow>, DbError> {
    let rows = db::query("SELECT * FROM dealer_devices WHERE dealer = $1 ORDER BY created_ms, id LIMIT 200")
        .bind(dealer.to_string())
        .fetch_all(executor)
        .await?;
    rows.into_iter().map(DeviceRow::try_from).collect()
}

/// A known key is a unique violation of `dealer_devices.sign_key`.
pub(crate) async fn insert_device(
    tx: &mut Tx<'_>,
    id: DeviceId,
    dealer: DealerId,
    key: &SigningPublicKey,
    now_ms: i64,
) -> Result<(), DbError> {
    db::query("INSERT INTO dealer_devices (id, dealer, sign_key, created_ms) VALUES ($1, $2, $3, $4)")
        .bind(id.to_string())
        .bind(dealer.to_string())
        .bind(&key.as_bytes()[..])
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Revokes a machine and ends its sessions, which are returned.
pub(crate) async fn revoke_device(tx: &mut Tx<'_>, id: DeviceId, now_ms: i64) -> Result<Vec<SessionId>, DbError> {
    db::query("UPDATE dealer_devices SET revoked_ms = COALESCE(revoked_ms, $2) WHERE id = $1")
        .bind(id.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    let sql = "UPDATE dealer_sessions SET ended_ms = $2 WHERE device = $1 AND ended_ms IS NULL RETURNING id";
    let ended: Vec<String> = db::query_scalar(sql).bind(id.to_string()).bind(now_ms).fetch_all(&mut **tx).await?;
    ended.iter().map(|id| id.parse().map_err(|_| DbError::corrupt("dealer_sessions", "id", "?"))).collect()
}

/// Whether the dealer may sign in.
pub(crate) async fn active(executor: impl Executor<'_>, dealer: DealerId) -> Result<bool, DbError> {
    let state: Option<String> = db::query_scalar("SELECT state FROM dealers WHERE id = $1")
        .bind(dealer.to_string())
        .fetch_optional(executor)
        .await?;
    Ok(state.as_deref() == Some("active"))
}

/// A dealer's session.
pub(crate) struct SessionRow {
    pub(crate) dealer: DealerId,
    pub(crate) device: DeviceId,
    pub(crate) seen_ms: i64,
    pub(crate) ended_ms: Option<i64>,
}

impl TryFrom<Row> for SessionRow {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let row = Reader::new(row, "dealer_sessions")?;
        Ok(Self {
            dealer: row.parse("dealer")?,
            device: row.parse("device")?,
            seen_ms: row.get("seen_ms")?,
            ended_ms: row.get("ended_ms")?,
        })
    }
}

pub(crate) async fn session(executor: impl Executor<'_>, id: SessionId) -> Result<Option<SessionRow>, DbError> {
    let row =
        db::query("SELECT * FROM dealer_sessions WHERE id = $1").bind(id.to_string()).fetch_optional(executor).await?;
    row.map(SessionRow::try_from).transpose()
}

/// Opens a session and drops the dealer's old ones, as for members.
pub(crate) async fn insert_session(
    tx: &mut Tx<'_>,
    id: SessionId,
    (dealer, device): (DealerId, DeviceId),
    now_ms: i64,
    stale_ms: i64,
) -> Result<(), DbError> {
    db::query("DELETE FROM dealer_sessions WHERE dealer = $1 AND (seen_ms < $2 OR ended_ms < $2)")
        .bind(dealer.to_string())
        .bind(stale_ms)
        .execute(&mut **tx)
        .await?;
    db::query("INSERT INTO dealer_sessions (id, dealer, device, created_ms, seen_ms) VALUES ($1, $2, $3, $4, $4)")
        .bind(id.to_string())
        .bind(dealer.to_string())
        .bind(device.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(crate) async fn session_seen(tx: &mut Tx<'_>, id: SessionId, now_ms: i64) -> Result<(), DbError> {
    db::query("UPDATE dealer_sessions SET seen_ms = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(crate) async fn end_session(tx: &mut Tx<'_>, id: SessionId, now_ms: i64) -> Result<(), DbError> {
    db::query("UPDATE dealer_sessions SET ended_ms = COALESCE(ended_ms, $2) WHERE id = $1")
        .bind(id.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// As for members.
pub(crate) async fn use_once(tx: &mut Tx<'_>, token: &[u8], expires_ms: i64, now_ms: i64) -> Result<bool, DbError> {
    db::query("DELETE FROM dealer_used_once WHERE expires_ms < $1").bind(now_ms).execute(&mut **tx).await?;
    let done = db::query("INSERT INTO dealer_used_once (token, expires_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(token)
        .bind(expires_ms)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A line of the provider's own audit trail.
pub(crate) async fn audit(tx: &mut Tx<'_>, event: &Event) -> Result<(), DbError> {
    db::query("INSERT INTO dealer_audit (event_id, time_ms, data) VALUES ($1, $2, $3)")
        .bind(&event.id)
        .bind(event.time_ms)
        .bind(event.encode_to_vec())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
