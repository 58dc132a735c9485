//! Who hears what. Members who may read the mailbox hear everything of their tenant that is streamed at all. A sender, and
//! whoever nobody has confirmed yet, hears only what is about itself, its records, and records that were granted to it.

use siegel_domain::{Party, Permission, Principal};
use siegel_platform::auth::Caller;
use siegel_platform::{Problem, Reason};
use siegel_proto::events::v1::event::Data;

/// Somebody who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A member who may see the tenant's mailbox.
    Tenant,
    /// Someone who hears of itself.
    Party(Party),
}

impl Audience {
    /// As whom the caller listens.
    pub fn of(caller: &Caller) -> Result<Self, Problem> {
        match caller.principal {
            Principal::Member(_) if caller.require(Permission::ReadMailbox).is_ok() => Ok(Self::Tenant),
            Principal::Member(member) => Ok(Self::Party(Party::Member(member))),
            Principal::Sender(sender) => Ok(Self::Party(Party::Sender(sender))),
            Principal::Dealer(_) => Err(Reason::Forbidden.into()),
        }
    }

    /// Whether this audience may hear of it.
    pub fn hears(&self, data: &Data) -> bool {
        match self {
            Self::Tenant => true,
            Self::Party(party) => concerns(data, &party.to_string()),
        }
    }
}

/// Whether the event is about `party`. What names nobody (a copy, an epoch, the tenant itself) is for members.
fn concerns(data: &Data, party: &str) -> bool {
    let among = |sender: &str, recipients: &[String]| sender == party || recipients.iter().any(|one| one == party);
    match data {
        Data::RecordCommitted(event) => among(&event.sender, &event.recipients),
        Data::RecordFetched(event) => among(&event.sender, &event.recipients) || event.party == party,
        Data::RecordErased(event) => among(&event.sender, &event.recipients),
        Data::GrantsAdded(event) => among(&event.granter, &event.recipients),
        Data::ReceiptIssued(event) => among(&event.sender, &event.recipients),
        Data::ConversationOpened(event) => event.with == party,
        Data::Enrolled(event) => event.principal == party,
        Data::Confirmed(event) => event.principal == party,
        Data::Removed(event) => event.principal == party,
        Data::DeviceRevoked(event) => event.principal == party,
        Data::SenderChanged(event) => event.sender == party,
        Data::RecordErasing(_)
        | Data::UploadSwept(_)
        | Data::CopyMissing(_)
        | Data::CopyHealed(_)
        | Data::EpochChanged(_)
        | Data::ExpiryHeld(_)
        | Data::TenantChanged(_)
        | Data::Audit(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use siegel_domain::SenderId;
    use siegel_platform::log::type_of;

    use super::*;
    use crate::convert::tests::one_of_each;

    #[test]
    fn a_sender_hears_of_itself_and_of_nobody_else() {
        let [me, someone, else_] = [1, 2, 3].map(|n| Party::Sender(SenderId::from_bytes([n; 16])));
        let mine: Vec<_> = one_of_each("rec", &me.to_string(), "tnt")
            .iter()
            .filter(|data| Audience::Party(me).hears(data))
            .map(type_of)
            .collect();
        assert_eq!(
            mine,
            [
                "siegel.record.committed.v1",
                "siegel.record.fetched.v1",
                "siegel.record.erased.v1",
                "siegel.grants.added.v1",
                "siegel.conversation.opened.v1",
                "siegel.principal.enrolled.v1",
                "siegel.principal.confirmed.v1",
                "siegel.principal.removed.v1",
                "siegel.device.revoked.v1",
                "siegel.sender.changed.v1",
                "siegel.receipt.issued.v1",
            ]
        );
        for data in one_of_each("rec", &someone.to_string(), &else_.to_string()) {
            assert!(!Audience::Party(me).hears(&data), "{}", type_of(&data));
            assert!(Audience::Tenant.hears(&data));
        }
    }
}
