//! Devices of members and senders.

use siegel_domain::{DeviceId, Principal};
use siegel_envelope::{KemPublicKey, SigningPublicKey};
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::Reader;

/// A device and its keys.
pub(crate) struct DeviceRow {
    pub(crate) id: DeviceId,
    pub(crate) principal: Principal,
    pub(crate) sign_key: SigningPublicKey,
    pub(crate) kem_key: KemPublicKey,
    pub(crate) created_ms: i64,
    pub(crate) last_seen_day_ms: Option<i64>,
    pub(crate) revoked_ms: Option<i64>,
}

impl DeviceRow {
    pub(crate) const fn revoked(&self) -> bool {
        self.revoked_ms.is_some()
    }
}

impl TryFrom<Row> for DeviceRow {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let row = Reader::new(row, "devices")?;
        let corrupt = |column| DbError::corrupt("devices", column, &row.key);
        let sign_key: &[u8] = row.get("sign_key")?;
        let sign_key = sign_key.try_into().ok().and_then(|key| SigningPublicKey::from_bytes(key).ok());
        Ok(Self {
            id: row.parse("id")?,
            principal: row.parse("principal")?,
            sign_key: sign_key.ok_or_else(|| corrupt("sign_key"))?,
            kem_key: KemPublicKey::from_slice(row.get("kem_key")?).map_err(|_| corrupt("kem_key"))?,
            created_ms: row.get("created_ms")?,
            last_seen_day_ms: row.get("last_seen_day_ms")?,
            revoked_ms: row.get("revoked_ms")?,
        })
    }
}

pub(crate) async fn get(executor: impl Executor<'_>, id: DeviceId) -> Result<Option<DeviceRow>, DbError> {
    let row = db::query("SELECT * FROM devices WHERE id = $1").bind(id.to_string()).fetch_optional(executor).await?;
    row.map(DeviceRow::try_from).transpose()
}

pub(crate) async fn by_fingerprint(
    executor: impl Executor<'_>,
    fingerprint: &[u8],
) -> Result<Option<DeviceRow>, DbError> {
    let row = db::query("SELECT * FROM devices WHERE sign_fingerprint = $1")
        .bind(fingerprint)
        .fetch_optional(executor)
        .await?;
    row.map(DeviceRow::try_from).transpose()
}

/// All devices of somebody, oldest first, revoked ones included. Bounded by `limits::DEVICES_PER_PRINCIPAL`.
pub(crate) async fn of(executor: impl Executor<'_>, principal: Principal) -> Result<Vec<DeviceRow>, DbError> {
    let rows = db::query("SELECT * FROM devices WHERE principal = $1 ORDER BY created_ms, id")
        .bind(principal.to_string())
        .fetch_all(executor)
        .await?;
    rows.into_iter().map(DeviceRow::try_from).collect()
}

/// A known key is a unique violation of `devices.sign_fingerprint`.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    id: DeviceId,
    principal: Principal,
    keys: (&SigningPublicKey, &KemPublicKey),
    now_ms: i64,
) -> Result<(), DbError> {
    db::query(
        "INSERT INTO devices (id, principal, sign_key, sign_fingerprint, kem_key, created_ms)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id.to_string())
    .bind(principal.to_string())
    .bind(&keys.0.as_bytes()[..])
    .bind(&keys.0.fingerprint().as_bytes()[..])
    .bind(&keys.1.as_bytes()[..])
    .bind(now_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes the day, at most once a day.
pub(crate) async fn seen(tx: &mut Tx<'_>, id: DeviceId, day_ms: i64) -> Result<(), DbError> {
    db::query("UPDATE devices SET last_seen_day_ms = $2 WHERE id = $1 AND last_seen_day_ms IS DISTINCT FROM $2")
        .bind(id.to_string())
        .bind(day_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Revokes one device, and its slot with it.
pub(crate) async fn revoke(tx: &mut Tx<'_>, id: DeviceId, now_ms: i64) -> Result<(), DbError> {
    db::query("UPDATE devices SET revoked_ms = COALESCE(revoked_ms, $2) WHERE id = $1")
        .bind(id.to_string())
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    db::query("DELETE FROM slots WHERE device = $1").bind(id.to_string()).execute(&mut **tx).await?;
    Ok(())
}

/// Revokes every device of somebody who is removed.
pub(crate) async fn revoke_all(tx: &mut Tx<'_>, principal: Principal, now_ms: i64) -> Result<(), DbError> {
    for device in of(&mut **tx, principal).await? {
        revoke(tx, device.id, now_ms).await?;
    }
    Ok(())
}
