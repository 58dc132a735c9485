//! Devices: who may see them, and revoking one. Its sessions die first; a member's device also leaves the roster, and a
//! new epoch is made, since it may have held the keys.

use siegel_api::members::{Device, DevicePage, RevokeDevice, Standing};
use siegel_domain::{DealerId, DeviceId, Permission, Principal, SessionId, TenantId};
use siegel_envelope::RosterChange;
use siegel_platform::auth::Caller;
use siegel_platform::db::Tx;
use siegel_platform::{Problem, Reason, log};
use siegel_proto::events::v1 as events;
use siegel_proto::events::v1::event::Data;

use crate::app::Directory;
use crate::remove::append_removal;
use crate::rosters::{Change, parse_entry};
use crate::store::devices::DeviceRow;
use crate::store::sessions::Of;
use crate::store::{dealers, devices, members, sessions, standing_of_principal};

/// The devices of `principal`, or one's own.
pub(crate) async fn list(
    directory: &Directory,
    caller: &Caller,
    principal: Option<Principal>,
) -> Result<DevicePage, Problem> {
    let whose = principal.unwrap_or(caller.principal);
    let items = match (caller.principal, whose) {
        (Principal::Dealer(me), Principal::Dealer(dealer)) if me == dealer => {
            let rows = dealers::devices(directory.provider().reader(), dealer).await?;
            rows.iter().map(|row| show_dealers(caller, row)).collect()
        }
        _ => {
            may_manage(caller, whose)?;
            let db = directory.db(caller.tenant_id()?).await?;
            standing_of_principal(db.reader(), whose).await?.ok_or(Reason::NotFound)?;
            let rows = devices::of(db.reader(), whose).await?;
            rows.iter().map(|row| show(caller, row)).collect()
        }
    };
    Ok(DevicePage { items, next_page_token: None })
}

/// Revokes a device: one's own, or another's for those who manage them.
pub(crate) async fn revoke(
    directory: &Directory,
    caller: &Caller,
    id: DeviceId,
    request: RevokeDevice,
) -> Result<(), Problem> {
    let ended = match caller.principal {
        Principal::Dealer(dealer) => revoke_dealers(directory, caller, dealer, id).await?,
        _ => revoke_members(directory, caller, caller.tenant_id()?, id, request).await?,
    };
    directory.signed_out(&ended);
    Ok(())
}

async fn revoke_members(
    directory: &Directory,
    caller: &Caller,
    tenant: TenantId,
    id: DeviceId,
    request: RevokeDevice,
) -> Result<Vec<SessionId>, Problem> {
    let entry = request.roster_entry.as_deref().map(parse_entry).transpose()?;
    let epoch = request.epoch.as_ref().map(Change::parse).transpose()?;
    let db = directory.db(tenant).await?;
    let (now_ms, entry, epoch) = (directory.now_ms(), entry.as_ref(), epoch.as_ref());
    let revoking = db.tx("device.revoke", |tx| {
        Box::pin(async move {
            let device = devices::get(&mut **tx, id).await?.ok_or(Reason::NotFound)?;
            let Principal::Member(member) = device.principal else { return Err(not_alone(caller, &device)) };
            may_manage(caller, device.principal)?;
            if device.revoked() {
                return Ok(Vec::new());
            }
            let ended = sessions::end(tx, Of::Device(id), now_ms).await?;
            devices::revoke(tx, id, now_ms).await?;
            let row = members::get(&mut **tx, member).await?.ok_or(Reason::NotFound)?;
            if row.standing == Standing::Active {
                let missing = |field: &str| Problem::invalid(field, "is needed: the device is in the roster");
                let entry = entry.ok_or_else(|| missing("roster_entry"))?;
                let epoch = epoch.ok_or_else(|| missing("epoch"))?;
                let removal = RosterChange::RemoveDevice { member, device: id };
                append_removal(directory, tx, tenant, entry, &removal, Some(epoch)).await?;
            }
            tell(directory, tx, caller, tenant, &device).await?;
            Ok(ended)
        })
    });
    revoking.await
}

async fn revoke_dealers(
    directory: &Directory,
    caller: &Caller,
    dealer: DealerId,
    id: DeviceId,
) -> Result<Vec<SessionId>, Problem> {
    let now_ms = directory.now_ms();
    let revoking = directory.provider().tx("device.revoke_dealers", |tx| {
        Box::pin(async move {
            let device = dealers::device(&mut **tx, id).await?.filter(|device| device.dealer == dealer);
            device.ok_or(Reason::NotFound)?;
            let ended = dealers::revoke_device(tx, id, now_ms).await?;
            dealers::audit(tx, &directory.provider_audit(dealer, Some(caller.device), "device.revoke", id)).await?;
            Ok::<_, Problem>(ended)
        })
    });
    revoking.await
}

async fn tell(
    directory: &Directory,
    tx: &mut Tx<'_>,
    caller: &Caller,
    tenant: TenantId,
    device: &DeviceRow,
) -> Result<(), Problem> {
    let source = &directory.source;
    let told = events::DeviceRevoked { principal: device.principal.to_string(), device: device.id.to_string() };
    log::emit(tx, source.event(tenant, device.id, Data::DeviceRevoked(told))).await?;
    log::audit(tx, source.audit_by(tenant, caller.who(), "device.revoke", device.id)).await?;
    Ok(())
}

/// One's own, or another's for those who manage members or senders. Others' devices do not exist.
fn may_manage(caller: &Caller, whose: Principal) -> Result<(), Problem> {
    if whose == caller.principal {
        return Ok(());
    }
    let permission = match whose {
        Principal::Member(_) => Permission::ManageMembers,
        Principal::Sender(_) => Permission::ManageSenders,
        Principal::Dealer(_) => return Err(Reason::NotFound.into()),
    };
    caller.require(permission).map_err(|_| Reason::NotFound.into())
}

/// A sender has one device, and goes with it.
fn not_alone(caller: &Caller, device: &DeviceRow) -> Problem {
    match may_manage(caller, device.principal) {
        Ok(()) => crate::error::does_not_fit("A sender's device goes with the sender: remove the sender."),
        Err(problem) => problem,
    }
}

fn show(caller: &Caller, row: &DeviceRow) -> Device {
    Device {
        id: row.id,
        principal: row.principal,
        sign_key_fingerprint: (*row.sign_key.fingerprint().as_bytes()).into(),
        created_ms: row.created_ms,
        last_seen_day_ms: row.last_seen_day_ms,
        current: row.id == caller.device,
        revoked: row.revoked(),
    }
}

fn show_dealers(caller: &Caller, row: &dealers::DeviceRow) -> Device {
    Device {
        id: row.id,
        principal: Principal::Dealer(row.dealer),
        sign_key_fingerprint: (*row.sign_key.fingerprint().as_bytes()).into(),
        created_ms: row.created_ms,
        last_seen_day_ms: None,
        current: row.id == caller.device,
        revoked: row.revoked_ms.is_some(),
    }
}
