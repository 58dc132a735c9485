//! Epochs: versions of a tenant's key. The statement publishes the public half and is pinned by a roster entry; the
//! bundle carries all seeds, sealed to each roster member, so that a newcomer reads the tenant's older records too.

use minicbor::{Decode, Encode};
use siegel_domain::limits::MEMBERS_PER_TENANT;
use siegel_domain::{MemberId, TenantId, Timestamp};

use crate::bytes::Digest;
use crate::cbor::{self, Blob};
use crate::grant::{Enc, SealedKey};
use crate::keys::{Fingerprint, KemPublicKey};
use crate::roster::Roster;
use crate::signed::{Invalid, Signable, SignedBytes, VerifyError};
use crate::suite::Suite;

/// Epochs a bundle can hold; a new one is made when someone is removed.
pub const EPOCHS_PER_BUNDLE: usize = 4096;

/// Number and public half of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EpochStatement {
    /// The suite.
    #[n(0)]
    pub suite: Suite,
    /// The tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// 1 for the first, then one more each time.
    #[n(2)]
    pub number: u64,
    /// The tenant's public key in this epoch: senders grant to it.
    #[n(3)]
    pub inbox_key: KemPublicKey,
    /// [`SignedBytes::digest`] of the statement before; absent in the first only.
    #[n(4)]
    pub previous: Option<Digest>,
    /// [`Roster::head`] from which the recipients of the bundle were taken.
    #[n(5)]
    pub roster: Digest,
    /// The signer's clock; a claim.
    #[n(6)]
    pub time: Timestamp,
}

impl Signable for EpochStatement {
    const DOMAIN: &'static str = "siegel/1/epoch";
    const MAX_BYTES: usize = 2048;

    fn validate(&self) -> Result<(), Invalid> {
        self.suite.known()?;
        match (self.number, self.previous) {
            (1, None) | (2.., Some(_)) => Ok(()),
            _ => Err(Invalid::Rule("only epoch 1 has none before it")),
        }
    }
}

/// Why a statement or a bundle does not belong to the roster's newest epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// The tenant has no epoch yet.
    #[error("the tenant has no key yet")]
    None,
    /// Not the statement that the roster's newest epoch names: an old one, or a forged one.
    #[error("not the key that the roster names: an old or a forged one")]
    NotCurrent,
    /// A bundle older than the roster's newest epoch, or one not made by someone who may.
    #[error("a key bundle that is outdated, or made by someone who may not")]
    Bundle,
    /// Signature, form or rule.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl EpochStatement {
    /// Opens `statement` as the newest epoch of a verified roster.
    pub fn open_current(statement: &SignedBytes, roster: &Roster) -> Result<Self, EpochError> {
        let epoch = roster.epoch().ok_or(EpochError::None)?;
        if statement.digest() != epoch.statement {
            return Err(EpochError::NotCurrent);
        }
        let opened: Self = statement.open(&epoch.signer)?;
        if opened.tenant != roster.tenant() || opened.number != epoch.number {
            return Err(EpochError::NotCurrent);
        }
        Ok(opened)
    }
}

/// The bundle key, sealed to one member's user key. HPKE's info is [`Bundle::key_info`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BundleKey {
    /// The member.
    #[n(0)]
    pub member: MemberId,
    /// The member's user key.
    #[n(1)]
    pub user_key: Fingerprint,
    /// HPKE's encapsulated key.
    #[n(2)]
    pub enc: Enc,
    /// The sealed bundle key.
    #[n(3)]
    pub ct: SealedKey,
}

/// All epoch seeds, sealed to each member of a roster version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bundle {
    /// The suite.
    #[n(0)]
    pub suite: Suite,
    /// The tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// One more with each bundle, from 1.
    #[n(2)]
    pub revision: u64,
    /// The newest epoch whose seed is inside.
    #[n(3)]
    pub epoch: u64,
    /// [`SignedBytes::digest`] of the bundle before; absent in the first only.
    #[n(4)]
    pub previous: Option<Digest>,
    /// [`Roster::head`] from which the recipients were taken.
    #[n(5)]
    pub roster: Digest,
    /// The seeds under the bundle key: see `docs/keys.md`.
    #[n(6)]
    pub sealed: Blob,
    /// The bundle key for each member.
    #[n(7)]
    pub keys: Vec<BundleKey>,
}

impl Signable for Bundle {
    const DOMAIN: &'static str = "siegel/1/bundle";
    const MAX_BYTES: usize = 2 * 1024 * 1024;

    fn validate(&self) -> Result<(), Invalid> {
        self.suite.known()?;
        if self.keys.is_empty() || self.keys.len() > MEMBERS_PER_TENANT {
            return Err(Invalid::Rule("a bundle has 1 to 1000 recipients"));
        }
        match (self.revision, self.previous) {
            (1, None) | (2.., Some(_)) => Ok(()),
            _ => Err(Invalid::Rule("only bundle 1 has none before it")),
        }
    }
}

impl Bundle {
    /// The additional data of the sealed seeds: CBOR `["siegel/1/bundle-seeds", suite, tenant, revision, epoch]`.
    pub fn seeds_aad(suite: Suite, tenant: TenantId, revision: u64, epoch: u64) -> Vec<u8> {
        cbor::encode(&("siegel/1/bundle-seeds", suite, tenant, revision, epoch))
    }

    /// HPKE's info for one member's bundle key:
    /// CBOR `["siegel/1/bundle-key", suite, tenant, revision, epoch, member, user key]`.
    pub fn key_info(&self, member: MemberId, user_key: Fingerprint) -> Vec<u8> {
        cbor::encode(&("siegel/1/bundle-key", self.suite, self.tenant, self.revision, self.epoch, member, user_key))
    }

    /// Opens the signature of `bundle` as one that the verified `roster` allows: signed by a member's device in force,
    /// and not older than the newest epoch.
    pub fn open_current(bundle: &SignedBytes, roster: &Roster) -> Result<Self, EpochError> {
        let epoch = roster.epoch().ok_or(EpochError::None)?;
        let signer = roster.key(&bundle.signer).ok_or(EpochError::Bundle)?;
        let opened: Self = bundle.open(&signer.key)?;
        let entitled = roster.allows(&bundle.signer, siegel_domain::Permission::ReadMailbox);
        if !entitled || opened.tenant != roster.tenant() || opened.epoch < epoch.number {
            return Err(EpochError::Bundle);
        }
        Ok(opened)
    }
}
