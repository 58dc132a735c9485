//! A further member: registers device and password, and waits for a member of the tenant to confirm (R05). Until then
//! they can sign in and see nothing.

use siegel_api::enrol::{EnrolMember, Enrolled};
use siegel_api::members::Standing;
use siegel_domain::Principal;
use siegel_envelope::SigningPublicKey;
use siegel_platform::{Problem, Reason, log};
use siegel_proto::events::v1 as events;
use siegel_proto::events::v1::event::Data;

use super::parse::{NewDevice, NewPerson, mac};
use super::{enrolled, open, other_kind, proves};
use crate::app::Directory;
use crate::store::invites;

/// Registers a member.
pub(crate) async fn member(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    request: EnrolMember,
) -> Result<Enrolled, Problem> {
    let device = NewDevice::parse(&request.device)?;
    let mac = mac(&request.mac)?;
    proves(proof_key, &device.sign)?;
    let newcomer = match open(directory, request.tenant, &request.auth, Some(&device.sign)).await? {
        Ok(newcomer) => newcomer,
        Err(before) => return Ok(before),
    };
    let Principal::Member(member) = newcomer.invite.principal else { return Err(other_kind()) };
    if newcomer.invite.founder {
        return Err(other_kind());
    }
    let ids = (member, newcomer.invite.device);
    let person = NewPerson::parse(directory, request.tenant, ids, &request.person).await?;

    let (newcomer, device, person, now_ms) = (&newcomer, &device, &person, directory.now_ms());
    let (tenant, invite) = (newcomer.tenant.id, &newcomer.invite);
    let storing = newcomer.db.tx("enrol.member", |tx| {
        Box::pin(async move {
            if !invites::consume(tx, invite.id, Some(mac.as_bytes()), now_ms).await? {
                return Err(Problem::new(Reason::InviteUsed));
            }
            person.store(tx, newcomer, (member, Standing::Pending), device, now_ms).await?;
            let source = &directory.source;
            let told = events::Enrolled {
                principal: member.to_string(),
                role: invite.role.as_str().to_owned(),
                device: invite.device.to_string(),
            };
            log::emit(tx, source.event(tenant, member, Data::Enrolled(told))).await?;
            log::audit(tx, source.audit(tenant, member, Some(invite.device), "member.enrol", invite.id)).await?;
            Ok(())
        })
    });
    storing.await?;
    Ok(enrolled(invite.principal, invite.device, false))
}
