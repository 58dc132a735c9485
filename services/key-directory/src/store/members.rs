//! Members, and the slots of their devices.

use siegel_api::members::Standing;
use siegel_domain::{DeviceId, MemberId, Role};
use siegel_platform::db::{self, DbError, Executor, Row, Tx};

use super::{Reader, standing_str};

/// A member. What lies under the second layer is still sealed here.
pub(crate) struct MemberRow {
    pub(crate) id: MemberId,
    pub(crate) role: Role,
    pub(crate) standing: Standing,
    pub(crate) opaque_setup: Option<i64>,
    pub(crate) opaque_record: Option<Vec<u8>>,
    pub(crate) user_key: Option<Vec<u8>>,
    pub(crate) recovery_key: Option<Vec<u8>>,
    pub(crate) sealed_label: Option<Vec<u8>>,
    pub(crate) created_ms: i64,
}

impl TryFrom<Row> for MemberRow {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let row = Reader::new(row, "members")?;
        Ok(Self {
            id: row.parse("id")?,
            role: row.role("role")?,
            standing: row.standing()?,
            opaque_setup: row.get("opaque_setup")?,
            opaque_record: row.get("opaque_record")?,
            user_key: row.get("user_key")?,
            recovery_key: row.get("recovery_key")?,
            sealed_label: row.get("sealed_label")?,
            created_ms: row.get("created_ms")?,
        })
    }
}

pub(crate) async fn get(executor: impl Executor<'_>, id: MemberId) -> Result<Option<MemberRow>, DbError> {
    let row = db::query("SELECT * FROM members WHERE id = $1").bind(id.to_string()).fetch_optional(executor).await?;
    row.map(MemberRow::try_from).transpose()
}

/// The member of a login name, by its HMAC.
pub(crate) async fn by_login(executor: impl Executor<'_>, login_hash: &[u8]) -> Result<Option<MemberRow>, DbError> {
    let row =
        db::query("SELECT * FROM members WHERE login_hash = $1").bind(login_hash).fetch_optional(executor).await?;
    row.map(MemberRow::try_from).transpose()
}

/// A page, oldest first, behind `after`.
pub(crate) async fn page(
    executor: impl Executor<'_>,
    after: Option<(i64, String)>,
    limit: u32,
) -> Result<Vec<MemberRow>, DbError> {
    let (created_ms, id) = after.unwrap_or((i64::MIN, String::new()));
    let rows = db::query(
        "SELECT * FROM members WHERE created_ms > $1 OR (created_ms = $1 AND id > $2) ORDER BY created_ms, id LIMIT $3",
    )
    .bind(created_ms)
    .bind(id)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(MemberRow::try_from).collect()
}

/// Members that are not removed.
pub(crate) async fn count(executor: impl Executor<'_>) -> Result<i64, DbError> {
    db::query_scalar("SELECT count(*) FROM members WHERE standing <> 'removed'").fetch_one(executor).await
}

/// A known id is a unique violation.
pub(crate) async fn insert_invited(
    tx: &mut Tx<'_>,
    id: MemberId,
    role: Role,
    sealed_label: Option<&[u8]>,
    now_ms: i64,
) -> Result<(), DbError> {
    db::query("INSERT INTO members (id, role, standing, sealed_label, created_ms) VALUES ($1, $2, 'invited', $3, $4)")
        .bind(id.to_string())
        .bind(role.as_str())
        .bind(sealed_label)
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What enrolment fills in. The second layer is around record and recovery slot already.
pub(crate) struct Enrolment<'a> {
    pub(crate) standing: Standing,
    pub(crate) login_hash: &'a [u8],
    pub(crate) opaque_setup: i64,
    pub(crate) opaque_record: &'a [u8],
    pub(crate) user_key: &'a [u8],
    pub(crate) recovery_key: Option<&'a [u8]>,
    pub(crate) recovery_slot: Option<&'a [u8]>,
}

/// Fills in a member that was invited. A taken login name is a unique violation of `members.login_hash`; false: nobody
/// of that id is invited.
pub(crate) async fn enrol(tx: &mut Tx<'_>, id: MemberId, enrolment: &Enrolment<'_>) -> Result<bool, DbError> {
    let done = db::query(
        "UPDATE members SET standing = $2, login_hash = $3, opaque_setup = $4, opaque_record = $5, user_key = $6,
                            recovery_key = $7, recovery_slot = $8
         WHERE id = $1 AND standing = 'invited'",
    )
    .bind(id.to_string())
    .bind(standing_str(enrolment.standing))
    .bind(enrolment.login_hash)
    .bind(enrolment.opaque_setup)
    .bind(enrolment.opaque_record)
    .bind(enrolment.user_key)
    .bind(enrolment.recovery_key)
    .bind(enrolment.recovery_slot)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn confirm(tx: &mut Tx<'_>, id: MemberId) -> Result<(), DbError> {
    db::query("UPDATE members SET standing = 'active' WHERE id = $1").bind(id.to_string()).execute(&mut **tx).await?;
    Ok(())
}

/// What lets somebody in goes; who they were stays, sealed.
pub(crate) async fn remove(tx: &mut Tx<'_>, id: MemberId) -> Result<(), DbError> {
    db::query(
        "UPDATE members SET standing = 'removed', login_hash = NULL, opaque_record = NULL, recovery_slot = NULL
         WHERE id = $1",
    )
    .bind(id.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The slot of a device, under the second layer.
pub(crate) async fn slot(executor: impl Executor<'_>, device: DeviceId) -> Result<Option<Vec<u8>>, DbError> {
    db::query_scalar("SELECT slot FROM slots WHERE device = $1").bind(device.to_string()).fetch_optional(executor).await
}

pub(crate) async fn insert_slot(tx: &mut Tx<'_>, device: DeviceId, slot: &[u8]) -> Result<(), DbError> {
    db::query("INSERT INTO slots (device, slot) VALUES ($1, $2)")
        .bind(device.to_string())
        .bind(slot)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
