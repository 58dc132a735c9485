//! One-time codes.

use siegel_domain::{DeviceId, InviteId, Principal, Role};
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::Reader;

/// An invitation. The code is still under the second layer.
#[derive(Clone)]
pub(crate) struct InviteRow {
    pub(crate) id: InviteId,
    pub(crate) auth_hash: Vec<u8>,
    pub(crate) founder: bool,
    pub(crate) role: Role,
    pub(crate) principal: Principal,
    pub(crate) device: DeviceId,
    pub(crate) sealed_code: Option<Vec<u8>>,
    pub(crate) mac: Option<Vec<u8>>,
    pub(crate) expires_ms: i64,
    pub(crate) used_ms: Option<i64>,
}

impl TryFrom<Row> for InviteRow {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let row = Reader::new(row, "invites")?;
        Ok(Self {
            id: row.parse("id")?,
            auth_hash: row.get("auth_hash")?,
            founder: row.get::<i64>("founder")? != 0,
            role: row.role("role")?,
            principal: row.parse("principal")?,
            device: row.parse("device")?,
            sealed_code: row.get("sealed_code")?,
            mac: row.get("mac")?,
            expires_ms: row.get("expires_ms")?,
            used_ms: row.get("used_ms")?,
        })
    }
}

pub(crate) async fn by_auth(executor: impl Executor<'_>, auth_hash: &[u8]) -> Result<Option<InviteRow>, DbError> {
    let row = db::query("SELECT * FROM invites WHERE auth_hash = $1").bind(auth_hash).fetch_optional(executor).await?;
    row.map(InviteRow::try_from).transpose()
}

/// The newest invitation of a member or sender.
pub(crate) async fn by_principal(
    executor: impl Executor<'_>,
    principal: Principal,
) -> Result<Option<InviteRow>, DbError> {
    let row = db::query("SELECT * FROM invites WHERE principal = $1 ORDER BY created_ms DESC LIMIT 1")
        .bind(principal.to_string())
        .fetch_optional(executor)
        .await?;
    row.map(InviteRow::try_from).transpose()
}

/// Inserts, unless there is one with the same hash; false: there is.
pub(crate) async fn insert(tx: &mut Tx<'_>, invite: &InviteRow, now_ms: i64) -> Result<bool, DbError> {
    let done = db::query(
        "INSERT INTO invites (id, auth_hash, founder, role, principal, device, sealed_code, created_ms, expires_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (auth_hash) DO NOTHING",
    )
    .bind(invite.id.to_string())
    .bind(&invite.auth_hash)
    .bind(i64::from(invite.founder))
    .bind(invite.role.as_str())
    .bind(invite.principal.to_string())
    .bind(invite.device.to_string())
    .bind(invite.sealed_code.as_deref())
    .bind(now_ms)
    .bind(invite.expires_ms)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses the code up; false: somebody did already.
pub(crate) async fn consume(tx: &mut Tx<'_>, id: InviteId, mac: Option<&[u8]>, now_ms: i64) -> Result<bool, DbError> {
    let done = db::query("UPDATE invites SET used_ms = $2, mac = $3 WHERE id = $1 AND used_ms IS NULL")
        .bind(id.to_string())
        .bind(now_ms)
        .bind(mac)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes the codes of somebody who is gone worthless.
pub(crate) async fn void(tx: &mut Tx<'_>, principal: Principal, now_ms: i64) -> Result<(), DbError> {
    db::query("UPDATE invites SET used_ms = COALESCE(used_ms, $2), sealed_code = NULL WHERE principal = $1")
        .bind(principal.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// After the confirmation nobody needs the code's secret any more.
pub(crate) async fn forget_code(tx: &mut Tx<'_>, principal: Principal) -> Result<(), DbError> {
    db::query("UPDATE invites SET sealed_code = NULL WHERE principal = $1")
        .bind(principal.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
