//! Removing somebody. Their sessions die first, then the roster forgets them, then a new epoch shuts them out of what
//! comes: all in one transaction, and the sessions are told to be dead as soon as it is committed. Removing again with
//! the same entry changes nothing and is no error.

use siegel_api::members::{RemoveMember, RemoveSender, Standing};
use siegel_domain::{MemberId, Permission, Principal, SenderId, SessionId, TenantId};
use siegel_envelope::{RosterChange, SignedBytes};
use siegel_platform::auth::Caller;
use siegel_platform::db::Tx;
use siegel_platform::{Problem, Reason, log};
use siegel_proto::events::v1 as events;
use siegel_proto::events::v1::event::Data;

use crate::app::Directory;
use crate::confirm::current;
use crate::error;
use crate::rosters::{self, Change, parse_entry};
use crate::store::sessions::Of;
use crate::store::{devices, invites, members, roster, senders, sessions};

/// Removes a member who is in the roster.
pub(crate) async fn member(
    directory: &Directory,
    caller: &Caller,
    id: MemberId,
    request: RemoveMember,
) -> Result<(), Problem> {
    caller.require(Permission::ManageMembers)?;
    let tenant = caller.tenant_id()?;
    let (entry, epoch) = (parse_entry(&request.roster_entry)?, Change::parse(&request.epoch)?);
    let db = directory.db(tenant).await?;
    let (entry, epoch) = (&entry, &epoch);
    let removing = db.tx("member.remove", |tx| {
        Box::pin(async move {
            let row = members::get(&mut **tx, id).await?.ok_or(Reason::NotFound)?;
            match row.standing {
                Standing::Active => {}
                Standing::Removed if roster::contains(&mut **tx, entry).await? => return Ok(Vec::new()),
                Standing::Removed => return Err(Reason::NotFound.into()),
                _ => return Err(error::does_not_fit("They are not in the roster: withdraw the invitation instead.")),
            }
            let ended = shut_out(directory, tx, Principal::Member(id)).await?;
            members::remove(tx, id).await?;
            append_removal(directory, tx, tenant, entry, &RosterChange::RemoveMember { member: id }, Some(epoch))
                .await?;
            tell(directory, tx, caller, Principal::Member(id), "member.remove").await?;
            Ok(ended)
        })
    });
    let ended: Vec<SessionId> = removing.await?;
    directory.signed_out(&ended);
    Ok(())
}

/// Withdraws the invitation of a member who is not in the roster: the code is worthless, and who used it is out.
pub(crate) async fn withdraw(directory: &Directory, caller: &Caller, id: MemberId) -> Result<(), Problem> {
    caller.require(Permission::ManageMembers)?;
    let tenant = caller.tenant_id()?;
    let db = directory.db(tenant).await?;
    let withdrawing = db.tx("member.withdraw", |tx| {
        Box::pin(async move {
            let row = members::get(&mut **tx, id).await?.ok_or(Reason::NotFound)?;
            match row.standing {
                Standing::Invited | Standing::Pending => {}
                Standing::Removed => return Ok(Vec::new()),
                Standing::Active => {
                    return Err(error::does_not_fit(
                        "They are in the roster: remove them, with a roster entry and a new epoch.",
                    ));
                }
            }
            let ended = shut_out(directory, tx, Principal::Member(id)).await?;
            members::remove(tx, id).await?;
            tell(directory, tx, caller, Principal::Member(id), "member.withdraw").await?;
            Ok(ended)
        })
    });
    let ended: Vec<SessionId> = withdrawing.await?;
    directory.signed_out(&ended);
    Ok(())
}

/// Removes a sender: with a roster entry if it is in the roster, else without. Senders know no epoch, so none is due.
pub(crate) async fn sender(
    directory: &Directory,
    caller: &Caller,
    id: SenderId,
    request: RemoveSender,
) -> Result<(), Problem> {
    caller.require(Permission::ManageSenders)?;
    let tenant = caller.tenant_id()?;
    let entry = request.roster_entry.as_deref().map(parse_entry).transpose()?;
    let db = directory.db(tenant).await?;
    let entry = entry.as_ref();
    let removing = db.tx("sender.remove", |tx| {
        Box::pin(async move {
            let row = senders::get(&mut **tx, id).await?.ok_or(Reason::NotFound)?;
            if row.standing == Standing::Removed {
                return Ok(Vec::new());
            }
            let ended = shut_out(directory, tx, Principal::Sender(id)).await?;
            senders::set_standing(tx, id, Standing::Removed).await?;
            match (row.standing, entry) {
                (Standing::Active, Some(entry)) => {
                    let removal = RosterChange::RemoveSender { sender: id };
                    append_removal(directory, tx, tenant, entry, &removal, None).await?;
                }
                (Standing::Active, None) => {
                    return Err(Problem::invalid("roster_entry", "is needed: the sender is in the roster"));
                }
                (_, Some(_)) => return Err(error::does_not_fit("The sender is not in the roster.")),
                (_, None) => {}
            }
            tell(directory, tx, caller, Principal::Sender(id), "sender.remove").await?;
            Ok(ended)
        })
    });
    let ended: Vec<SessionId> = removing.await?;
    directory.signed_out(&ended);
    Ok(())
}

/// Ends what lets somebody in: sessions, codes, devices.
async fn shut_out(directory: &Directory, tx: &mut Tx<'_>, principal: Principal) -> Result<Vec<SessionId>, Problem> {
    let now_ms = directory.now_ms();
    let ended = sessions::end(tx, Of::Principal(principal), now_ms).await?;
    invites::void(tx, principal, now_ms).await?;
    devices::revoke_all(tx, principal, now_ms).await?;
    Ok(ended)
}

/// Appends the entry, which has to be `expected`, and the new epoch.
pub(crate) async fn append_removal(
    directory: &Directory,
    tx: &mut Tx<'_>,
    tenant: TenantId,
    entry: &SignedBytes,
    expected: &RosterChange,
    epoch: Option<&Change>,
) -> Result<(), Problem> {
    let mut roster = current(directory, tx, tenant).await?;
    let opened = rosters::append(tx, &mut roster, entry).await?;
    if opened.change != *expected {
        return Err(error::does_not_fit("The roster entry is about somebody or something else than this request."));
    }
    if let Some(epoch) = epoch {
        let number = rosters::change_epoch(tx, &mut roster, epoch, directory.now_ms()).await?;
        let told = Data::EpochChanged(events::EpochChanged { number });
        log::emit(tx, directory.source.event(tenant, tenant, told)).await?;
    }
    Ok(())
}

async fn tell(
    directory: &Directory,
    tx: &mut Tx<'_>,
    caller: &Caller,
    principal: Principal,
    action: &'static str,
) -> Result<(), Problem> {
    let (tenant, source) = (caller.tenant_id()?, &directory.source);
    let told = events::Removed { principal: principal.to_string() };
    log::emit(tx, source.event(tenant, principal, Data::Removed(told))).await?;
    log::audit(tx, source.audit_by(tenant, caller.who(), action, principal)).await?;
    Ok(())
}
