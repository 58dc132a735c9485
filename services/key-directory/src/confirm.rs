//! Confirming a newcomer: a member of the tenant, whose client has checked the MAC over the keys, signs them into the
//! roster. The server compares the entry with what was enrolled, so that a mistake is noticed here already; that nobody
//! swapped a key on the way only the client's check shows. Confirming again with the same entry answers the same.

use siegel_api::members::{ConfirmMember, ConfirmSender, Member, Standing};
use siegel_domain::{MemberId, Permission, Principal, Role, SenderId};
use siegel_envelope::roster::RosterDevice;
use siegel_envelope::{KemPublicKey, Roster, RosterChange, SigningPublicKey};
use siegel_platform::auth::Caller;
use siegel_platform::db::{DbError, Tx};
use siegel_platform::{Problem, Reason, log};
use siegel_proto::events::v1 as events;
use siegel_proto::events::v1::event::Data;

use crate::app::Directory;
use crate::rosters::{self, parse_bundle, parse_entry};
use crate::senders::Versioned;
use crate::store::members::MemberRow;
use crate::store::{devices, invites, members, roster, senders};
use crate::{error, members as lists, senders as sender_lists};

/// Signs a member in, and hands them the keys of the tenant: the bundle sealed anew, them among its recipients.
pub(crate) async fn member(
    directory: &Directory,
    caller: &Caller,
    id: MemberId,
    request: ConfirmMember,
) -> Result<Member, Problem> {
    caller.require(Permission::ManageMembers)?;
    let tenant = caller.tenant_id()?;
    let (entry, bundle) = (parse_entry(&request.roster_entry)?, parse_bundle(&request.bundle)?);
    let db = directory.db(tenant).await?;
    let (entry, bundle) = (&entry, &bundle);
    let confirming = db.tx("member.confirm", |tx| {
        Box::pin(async move {
            let row = members::get(&mut **tx, id).await?.ok_or(Reason::NotFound)?;
            if !waits(tx, row.standing, entry).await? {
                return Ok(());
            }
            let mut roster = current(directory, tx, tenant).await?;
            let opened = rosters::append(tx, &mut roster, entry).await?;
            if opened.change != enrolled_member(tx, &row).await? {
                return Err(error::does_not_fit(
                    "The roster entry names another member, role or key than the one enrolled.",
                ));
            }
            let head = roster.head();
            rosters::replace_bundle(tx, &roster, bundle, head).await?;
            members::confirm(tx, id).await?;
            tell(directory, tx, caller, Principal::Member(id), row.role).await
        })
    });
    confirming.await?;
    lists::one(directory, &db, tenant, id).await
}

/// Signs a sender in.
pub(crate) async fn sender(
    directory: &Directory,
    caller: &Caller,
    id: SenderId,
    request: ConfirmSender,
) -> Result<Versioned, Problem> {
    caller.require(Permission::ManageSenders)?;
    let tenant = caller.tenant_id()?;
    let entry = parse_entry(&request.roster_entry)?;
    let db = directory.db(tenant).await?;
    let entry = &entry;
    let confirming = db.tx("sender.confirm", |tx| {
        Box::pin(async move {
            let row = senders::get(&mut **tx, id).await?.ok_or(Reason::NotFound)?;
            if !waits(tx, row.standing, entry).await? {
                return Ok(());
            }
            let mut roster = current(directory, tx, tenant).await?;
            let opened = rosters::append(tx, &mut roster, entry).await?;
            let device = enrolled_device(tx, Principal::Sender(id)).await?;
            if opened.change != (RosterChange::AddSender { sender: id, device }) {
                return Err(error::does_not_fit("The roster entry names another sender or key than the one enrolled."));
            }
            senders::set_standing(tx, id, Standing::Active).await?;
            tell(directory, tx, caller, Principal::Sender(id), Role::Sender).await
        })
    });
    confirming.await?;
    sender_lists::one(directory, &db, tenant, id, true).await
}

/// True: somebody waits to be confirmed. False: this very entry confirmed them before.
async fn waits(tx: &mut Tx<'_>, standing: Standing, entry: &siegel_envelope::SignedBytes) -> Result<bool, Problem> {
    match standing {
        Standing::Pending => Ok(true),
        Standing::Active if roster::contains(&mut **tx, entry).await? => Ok(false),
        Standing::Active => {
            Err(Problem::new(Reason::RosterConflict).detail("Somebody else has confirmed them already."))
        }
        Standing::Invited => Err(error::does_not_fit("The code was not used yet: there are no keys to confirm.")),
        Standing::Removed => Err(Reason::NotFound.into()),
    }
}

/// A copy of the tenant's roster to append to.
pub(crate) async fn current(
    directory: &Directory,
    tx: &mut Tx<'_>,
    tenant: siegel_domain::TenantId,
) -> Result<Roster, Problem> {
    let roster = directory.rosters.load(tx, tenant).await?.ok_or(Reason::NotFound)?;
    Ok(Roster::clone(&roster))
}

/// The entry that fits what this member enrolled with.
async fn enrolled_member(tx: &mut Tx<'_>, row: &MemberRow) -> Result<RosterChange, Problem> {
    let corrupt = |column| Problem::from(DbError::corrupt("members", column, row.id));
    let user_key = row.user_key.as_deref().and_then(|key| KemPublicKey::from_slice(key).ok());
    let recovery_key = match &row.recovery_key {
        Some(key) => {
            let key = key.as_slice().try_into().ok().and_then(|key| SigningPublicKey::from_bytes(key).ok());
            Some(key.ok_or_else(|| corrupt("recovery_key"))?)
        }
        None => None,
    };
    Ok(RosterChange::AddMember {
        member: row.id,
        role: row.role,
        user_key: user_key.ok_or_else(|| corrupt("user_key"))?.fingerprint(),
        recovery_key,
        device: enrolled_device(tx, Principal::Member(row.id)).await?,
    })
}

async fn enrolled_device(tx: &mut Tx<'_>, principal: Principal) -> Result<RosterDevice, Problem> {
    let corrupt = || Problem::from(DbError::corrupt("invites", "device", principal));
    let invite = invites::by_principal(&mut **tx, principal).await?.ok_or_else(corrupt)?;
    let device = devices::get(&mut **tx, invite.device).await?.ok_or_else(corrupt)?;
    Ok(RosterDevice { device: device.id, sign: device.sign_key, kem: device.kem_key.fingerprint() })
}

async fn tell(
    directory: &Directory,
    tx: &mut Tx<'_>,
    caller: &Caller,
    principal: Principal,
    role: Role,
) -> Result<(), Problem> {
    invites::forget_code(tx, principal).await?;
    let (tenant, source) = (caller.tenant_id()?, &directory.source);
    let told = events::Confirmed { principal: principal.to_string(), role: role.as_str().to_owned() };
    log::emit(tx, source.event(tenant, principal, Data::Confirmed(told))).await?;
    let action = if role == Role::Sender { "sender.confirm" } else { "member.confirm" };
    log::audit(tx, source.audit_by(tenant, caller.who(), action, principal)).await?;
    Ok(())
}
