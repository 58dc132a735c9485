//! The first owner makes the tenant's root: entry 0 of the roster, signed by their own new device, and the first epoch.
//! From then on the dealer's code is worthless, and nobody comes in but through a member (R05).

use siegel_api::enrol::{EnrolOwner, Enrolled};
use siegel_api::members::Standing;
use siegel_domain::{MemberId, Principal, Role};
use siegel_envelope::{Roster, RosterChange, SignedBytes, SigningPublicKey};
use siegel_platform::{Problem, Reason, log};
use siegel_proto::events::v1 as events;
use siegel_proto::events::v1::event::Data;

use super::parse::{NewDevice, NewPerson};
use super::{Newcomer, enrolled, open, other_kind, proves};
use crate::app::Directory;
use crate::rosters::{self, Change};
use crate::store::{invites, members};
use crate::{error, rosters::parse_entry};

/// Founds the tenant.
pub(crate) async fn owner(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    request: EnrolOwner,
) -> Result<Enrolled, Problem> {
    let device = NewDevice::parse(&request.device)?;
    proves(proof_key, &device.sign)?;
    let newcomer = match open(directory, request.tenant, &request.auth, Some(&device.sign)).await? {
        Ok(newcomer) => newcomer,
        Err(before) => return Ok(before),
    };
    let Principal::Member(member) = newcomer.invite.principal else { return Err(other_kind()) };
    if !newcomer.invite.founder {
        return Err(other_kind());
    }
    let ids = (member, newcomer.invite.device);
    let person = NewPerson::parse(directory, request.tenant, ids, &request.person).await?;
    let entry = parse_entry(&request.roster_entry)?;
    let (roster, change) = found(&newcomer, member, &device, &person, &entry)?;
    let epoch = Change::parse(&request.epoch)?;
    store(directory, &newcomer, member, (&device, &person), (&roster, &change, &entry, &epoch)).await?;
    Ok(enrolled(newcomer.invite.principal, newcomer.invite.device, true))
}

/// Verifies entry 0: well signed, for this tenant, and with exactly the ids and keys of this request.
fn found(
    newcomer: &Newcomer,
    member: MemberId,
    device: &NewDevice,
    person: &NewPerson,
    entry: &SignedBytes,
) -> Result<(Roster, RosterChange), Problem> {
    let roster = Roster::found(entry).map_err(error::roster)?;
    let change = RosterChange::Found {
        member,
        user_key: person.user_key.fingerprint(),
        recovery_key: person.recovery_key,
        device: device.in_roster(newcomer.invite.device),
    };
    let named = roster.members().get(&member);
    let as_offered = named.is_some_and(|named| {
        named.user_key == person.user_key.fingerprint()
            && named.recovery_key == person.recovery_key
            && named.devices.values().eq([&device.in_roster(newcomer.invite.device)])
    });
    if roster.tenant() != newcomer.tenant.id || !as_offered {
        return Err(error::does_not_fit(
            "The first roster entry names another tenant, member, device or key than this request.",
        ));
    }
    Ok((roster, change))
}

async fn store(
    directory: &Directory,
    newcomer: &Newcomer,
    member: MemberId,
    (device, person): (&NewDevice, &NewPerson),
    (roster, change, entry, epoch): (&Roster, &RosterChange, &SignedBytes, &Change),
) -> Result<(), Problem> {
    let (tenant, invite, now_ms) = (newcomer.tenant.id, &newcomer.invite, directory.now_ms());
    let storing = newcomer.db.tx("enrol.owner", |tx| {
        Box::pin(async move {
            if !invites::consume(tx, invite.id, None, now_ms).await? {
                return Err(Problem::new(Reason::InviteUsed));
            }
            members::insert_invited(tx, member, Role::Owner, None, now_ms).await?;
            person.store(tx, newcomer, (member, Standing::Active), device, now_ms).await?;
            rosters::store_entry(tx, 0, entry, change).await?;
            let mut roster = roster.clone();
            let number = rosters::change_epoch(tx, &mut roster, epoch, now_ms).await?;

            let source = &directory.source;
            let told = events::Enrolled {
                principal: member.to_string(),
                role: Role::Owner.as_str().to_owned(),
                device: invite.device.to_string(),
            };
            log::emit(tx, source.event(tenant, member, Data::Enrolled(told))).await?;
            log::emit(tx, source.event(tenant, tenant, Data::EpochChanged(events::EpochChanged { number }))).await?;
            log::audit(tx, source.audit(tenant, member, Some(invite.device), "tenant.found", tenant)).await?;
            Ok(())
        })
    });
    storing.await
}
