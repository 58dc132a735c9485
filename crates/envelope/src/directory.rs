//! What the key directory says about a party's keys. The statement is signed by the directory and takes the place that
//! a log's inclusion proof will have; clients check it **and** the roster, which the directory can't forge.

use minicbor::{Decode, Encode};
use siegel_domain::{Party, TenantId, Timestamp};

use crate::bytes::Digest;
use crate::cbor::{self, DecodeError};
use crate::keys::{Fingerprint, KemPublicKey, SigningPublicKey};
use crate::signed::Signable;

/// The keys of a party in full.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyBundle {
    /// The tenant whose roster lists the party.
    #[n(0)]
    pub tenant: TenantId,
    /// The party.
    #[n(1)]
    pub party: Party,
    /// What to seal to: the tenant's inbox key, a sender's device key, a member's user key.
    #[n(2)]
    pub kem: KemPublicKey,
    /// Signing keys of its devices in force, ascending; a tenant has none of its own.
    #[n(3)]
    pub sign: Vec<SigningPublicKey>,
    /// The tenant's epoch, if the party is a tenant.
    #[n(4)]
    pub epoch: Option<u64>,
}

impl KeyBundle {
    /// Most bytes on the wire.
    pub const MAX_BYTES: usize = 4096;

    /// Reads the wire form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        cbor::decode(bytes, Self::MAX_BYTES)
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// BLAKE3-256 of the wire form.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

/// The directory vouches for a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyStatement {
    /// The tenant.
    #[n(0)]
    pub tenant: TenantId,
    /// The party.
    #[n(1)]
    pub party: Party,
    /// [`KeyBundle::digest`].
    #[n(2)]
    pub bundle: Digest,
    /// The tenant's newest epoch; 0 if it has none.
    #[n(3)]
    pub epoch: u64,
    /// [`crate::Roster::head`].
    #[n(4)]
    pub roster: Digest,
    /// When.
    #[n(5)]
    pub time: Timestamp,
}

impl Signable for KeyStatement {
    const DOMAIN: &'static str = "siegel/1/key-statement";
    const MAX_BYTES: usize = 1024;
}

/// The state of a tenant's directory at some moment. Clients keep the newest they saw and refuse an older one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Checkpoint {
    /// The tenant.
    #[n(0)]
    pub tenant: TenantId,
    /// Entries of the roster.
    #[n(1)]
    pub sequence: u64,
    /// [`crate::Roster::root`].
    #[n(2)]
    pub root: Fingerprint,
    /// [`crate::Roster::head`].
    #[n(3)]
    pub roster: Digest,
    /// The newest epoch; 0 if there is none.
    #[n(4)]
    pub epoch: u64,
    /// When.
    #[n(5)]
    pub time: Timestamp,
}

impl Signable for Checkpoint {
    const DOMAIN: &'static str = "siegel/1/checkpoint";
    const MAX_BYTES: usize = 1024;
}

impl Checkpoint {
    /// Whether `self` can follow `seen`: same tenant and root, and nothing went back. Equal length means equal head.
    pub fn follows(&self, seen: &Self) -> bool {
        self.tenant == seen.tenant
            && self.root == seen.root
            && self.epoch >= seen.epoch
            && (self.sequence > seen.sequence || (self.sequence == seen.sequence && self.roster == seen.roster))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f31_a_directory_that_goes_back_or_forks_is_noticed() {
        let seen = Checkpoint {
            tenant: TenantId::from_bytes([1; 16]),
            sequence: 5,
            root: Fingerprint::from_bytes([2; 32]),
            roster: Digest::of(b"five entries"),
            epoch: 2,
            time: Timestamp(0),
        };
        assert!(seen.follows(&seen));
        assert!(Checkpoint { sequence: 6, roster: Digest::of(b"six"), epoch: 3, ..seen.clone() }.follows(&seen));
        for (bad, why) in [
            (Checkpoint { sequence: 4, ..seen.clone() }, "shorter"),
            (Checkpoint { roster: Digest::of(b"a fork"), ..seen.clone() }, "other entries of the same number"),
            (Checkpoint { sequence: 6, epoch: 1, ..seen.clone() }, "an older epoch"),
            (Checkpoint { root: Fingerprint::from_bytes([3; 32]), ..seen.clone() }, "another root"),
            (Checkpoint { tenant: TenantId::from_bytes([9; 16]), ..seen.clone() }, "another tenant"),
        ] {
            assert!(!bad.follows(&seen), "{why}");
        }
    }
}
