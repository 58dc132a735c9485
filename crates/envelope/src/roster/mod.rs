//! The roster: who belongs to a tenant, as a chain of signed changes that starts with the owner's own device and in
//! which every change is signed by a device that the version before entitles. Clients take the recipients of bundles,
//! epochs and approvals from a roster they replayed themselves, never from a server's list: a server can withhold
//! entries, but it can't add a member.
//!
//! The first entry's BLAKE3 is the tenant's **root**; enrolment codes carry it, so that a newcomer who was handed the
//! code knows the right chain from its first entry on.

mod apply;
mod change;
mod state;

use minicbor::{Decode, Encode};
use siegel_domain::{TenantId, Timestamp};

use crate::bytes::Digest;
use crate::signed::{Invalid, Signable, VerifyError};

pub use change::{RosterChange, RosterDevice};
pub use state::{EpochRef, KeyHolder, KnownKey, Member, Roster};

/// One signed change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RosterEntry {
    /// The tenant.
    #[n(0)]
    pub tenant: TenantId,
    /// Place in the chain, from 0.
    #[n(1)]
    pub sequence: u64,
    /// [`crate::SignedBytes::digest`] of the entry before; absent in entry 0 only.
    #[n(2)]
    pub previous: Option<Digest>,
    /// The signer's clock; a claim.
    #[n(3)]
    pub time: Timestamp,
    /// What changes.
    #[n(4)]
    pub change: RosterChange,
}

impl Signable for RosterEntry {
    const DOMAIN: &'static str = "siegel/1/roster";
    const MAX_BYTES: usize = 2048;

    fn validate(&self) -> Result<(), Invalid> {
        let founds = matches!(self.change, RosterChange::Found { .. });
        match (self.sequence, self.previous) {
            (0, None) if founds => Ok(()),
            (1.., Some(_)) if !founds => Ok(()),
            _ => Err(Invalid::Rule("only the first entry founds a tenant, and only it has none before it")),
        }
    }
}

/// Why an entry can't be appended, or a chain not replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// There is no entry at all.
    #[error("the roster is empty")]
    Empty,
    /// The first entry is not the one the root names.
    #[error("this is another tenant's roster, or a forged one: its root does not fit")]
    Root,
    /// Not the next number, or not after the last entry: someone else appended first, or entries are missing.
    #[error("does not continue the roster's last entry")]
    Sequence,
    /// Another tenant's entry.
    #[error("belongs to another tenant")]
    Tenant,
    /// The signer's key is not in the roster, or was removed.
    #[error("signed by a key that is not in the roster")]
    UnknownSigner,
    /// The signer may not make this change.
    #[error("the signer may not make this change")]
    NotEntitled,
    /// There is no such member, device or sender.
    #[error("there is no such member, device or sender")]
    Unknown,
    /// The id is there already, or the key was in the roster before.
    #[error("the id or the key is or was in the roster already")]
    Duplicate,
    /// Nobody could sign for the tenant any more.
    #[error("the last device of the last owner can't be removed")]
    LastOwner,
    /// Epochs are numbered 1, 2, 3, …
    #[error("not the next epoch")]
    Epoch,
    /// More members, senders or devices than a tenant may have.
    #[error("a tenant can't have more of these")]
    Limit,
    /// Signature, form or rule of the entry itself.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}
