//! A sender's machine: registers its keys. It may send at once; its records show as not yet confirmed until a member of
//! the tenant has checked its keys.

use siegel_api::enrol::{EnrolSender, Enrolled};
use siegel_api::members::Standing;
use siegel_domain::{Principal, Role};
use siegel_envelope::SigningPublicKey;
use siegel_platform::{Problem, Reason, log};
use siegel_proto::events::v1 as events;
use siegel_proto::events::v1::event::Data;

use super::parse::{NewDevice, mac, store_device};
use super::{enrolled, open, other_kind, proves};
use crate::app::Directory;
use crate::store::{invites, senders};

/// Registers a sender.
pub(crate) async fn sender(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    request: EnrolSender,
) -> Result<Enrolled, Problem> {
    let device = NewDevice::parse(&request.device)?;
    let mac = mac(&request.mac)?;
    proves(proof_key, &device.sign)?;
    let newcomer = match open(directory, request.tenant, &request.auth, Some(&device.sign)).await? {
        Ok(newcomer) => newcomer,
        Err(before) => return Ok(before),
    };
    let Principal::Sender(sender) = newcomer.invite.principal else { return Err(other_kind()) };

    let (newcomer, device, now_ms) = (&newcomer, &device, directory.now_ms());
    let (tenant, invite) = (newcomer.tenant.id, &newcomer.invite);
    let storing = newcomer.db.tx("enrol.sender", |tx| {
        Box::pin(async move {
            if !invites::consume(tx, invite.id, Some(mac.as_bytes()), now_ms).await? {
                return Err(Problem::new(Reason::InviteUsed));
            }
            store_device(tx, newcomer, device, now_ms).await?;
            senders::set_standing(tx, sender, Standing::Pending).await?;
            let source = &directory.source;
            let told = events::Enrolled {
                principal: sender.to_string(),
                role: Role::Sender.as_str().to_owned(),
                device: invite.device.to_string(),
            };
            log::emit(tx, source.event(tenant, sender, Data::Enrolled(told))).await?;
            log::audit(tx, source.audit(tenant, sender, Some(invite.device), "sender.enrol", invite.id)).await?;
            Ok(())
        })
    });
    storing.await?;
    Ok(enrolled(invite.principal, invite.device, false))
}
