//! Announcing an epoch: the statement, and the roster entry that pins it.

use siegel_domain::Timestamp;
use siegel_envelope::epoch::EpochStatement;
use siegel_envelope::{Roster, RosterChange, RosterEntry, Signed, Suite};

use crate::keys::{EpochRing, SigningSecretKey};
use crate::roster;

/// Publishes the newest epoch of `ring` as the one after the newest that `roster` knows. The bundle comes from
/// [`crate::bundle::seal`], with the roster as it stands before this entry.
pub fn announce(
    ring: &EpochRing,
    roster: &Roster,
    time: Timestamp,
    device: &SigningSecretKey,
) -> (Signed<EpochStatement>, Signed<RosterEntry>) {
    let epoch = ring.current();
    let statement = device.sign(EpochStatement {
        suite: Suite::ONE,
        tenant: ring.tenant(),
        number: epoch.number(),
        inbox_key: epoch.inbox_key().public(),
        previous: roster.epoch().map(|epoch| epoch.statement),
        roster: roster.head(),
        time,
    });
    let change = RosterChange::NewEpoch { number: epoch.number(), statement: statement.bytes().digest() };
    let entry = roster::next(roster, change, time, device);
    (statement, entry)
}
