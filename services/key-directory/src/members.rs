//! The members of a tenant as the server lists them. Clients check the list against the signed roster.

use siegel_api::Bytes;
use siegel_api::enrol::DeviceKeys;
use siegel_api::members::{Member, MemberPage, Pending, Standing};
use siegel_api::page::PageQuery;
use siegel_domain::{MemberId, Permission, Principal, TenantId};
use siegel_platform::auth::Caller;
use siegel_platform::db::{Db, DbError};
use siegel_platform::{Problem, Reason};

use crate::app::{Directory, Place};
use crate::paging::{cut, read_page};
use crate::store::members::MemberRow;
use crate::store::{devices, invites, members};

/// A page, oldest first. Every confirmed member may see it.
pub(crate) async fn list(directory: &Directory, caller: &Caller, query: &PageQuery) -> Result<MemberPage, Problem> {
    caller.require(Permission::ReadMailbox)?;
    let tenant = caller.tenant_id()?;
    let db = directory.db(tenant).await?;
    let scope = ["members", &tenant.to_string()];
    let (after, size) = read_page(&directory.pages, &scope, query)?;
    let rows = members::page(db.reader(), after, size + 1).await?;
    let (rows, next) = cut(rows, size, |row| (row.created_ms, row.id.to_string()));
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(show(directory, &db, tenant, row).await?);
    }
    Ok(MemberPage { items, next_page_token: next.map(|cursor| directory.pages.seal(&scope, &cursor)) })
}

/// One member, after a change.
pub(crate) async fn one(directory: &Directory, db: &Db, tenant: TenantId, id: MemberId) -> Result<Member, Problem> {
    let row = members::get(db.reader(), id).await?.ok_or(Reason::NotFound)?;
    show(directory, db, tenant, row).await
}

async fn show(directory: &Directory, db: &Db, tenant: TenantId, row: MemberRow) -> Result<Member, Problem> {
    let id = row.id.to_string();
    let sealed_label = match &row.sealed_label {
        Some(label) => Some(directory.unseal(tenant, Place("members", &id, "sealed_label"), label).await?.into()),
        None => None,
    };
    let pending = match row.standing {
        Standing::Pending => {
            let mut pending = pending(directory, db, tenant, Principal::Member(row.id)).await?;
            pending.user_key = row.user_key.map(Bytes);
            pending.recovery_key = row.recovery_key.map(Bytes);
            Some(pending)
        }
        _ => None,
    };
    Ok(Member { id: row.id, role: row.role, standing: row.standing, sealed_label, pending, created_ms: row.created_ms })
}

/// What a client needs to confirm a newcomer; a member's own keys are the caller's to fill in.
pub(crate) async fn pending(
    directory: &Directory,
    db: &Db,
    tenant: TenantId,
    principal: Principal,
) -> Result<Pending, Problem> {
    let corrupt = |column| Problem::from(DbError::corrupt("invites", column, principal));
    let invite = invites::by_principal(db.reader(), principal).await?.ok_or_else(|| corrupt("principal"))?;
    let device = devices::get(db.reader(), invite.device).await?.ok_or_else(|| corrupt("device"))?;
    let sealed = invite.sealed_code.as_deref().ok_or_else(|| corrupt("sealed_code"))?;
    let place = invite.id.to_string();
    let sealed_code = directory.unseal(tenant, Place("invites", &place, "sealed_code"), sealed).await?;
    Ok(Pending {
        invite: invite.id,
        auth_hash: invite.auth_hash.into(),
        sealed_code: sealed_code.into(),
        device: device.id,
        device_keys: DeviceKeys {
            sign_key: (*device.sign_key.as_bytes()).into(),
            kem_key: device.kem_key.as_bytes().to_vec().into(),
        },
        user_key: None,
        recovery_key: None,
        mac: invite.mac.ok_or_else(|| corrupt("mac"))?.into(),
    })
}
