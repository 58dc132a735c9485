//! Making roster entries. Checking them needs no secret: [`siegel_envelope::roster`].

use siegel_domain::{TenantId, Timestamp};
use siegel_envelope::{Roster, RosterChange, RosterEntry, Signed};

use crate::keys::SigningSecretKey;

/// Entry 0: signed by the device that `change` (a [`RosterChange::Found`]) names.
pub fn found(
    tenant: TenantId,
    change: RosterChange,
    time: Timestamp,
    device: &SigningSecretKey,
) -> Signed<RosterEntry> {
    device.sign(RosterEntry { tenant, sequence: 0, previous: None, time, change })
}

/// The entry that would come next in `roster`. Append it to a copy to learn whether the signer may make it.
pub fn next(roster: &Roster, change: RosterChange, time: Timestamp, device: &SigningSecretKey) -> Signed<RosterEntry> {
    let (tenant, sequence, previous) = (roster.tenant(), roster.length(), Some(roster.head()));
    device.sign(RosterEntry { tenant, sequence, previous, time, change })
}
