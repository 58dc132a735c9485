//! Key slots: copies of a user's root, each under something else the user has. The outside of a slot says whose it is
//! and is authenticated with it, so that a server can't swap slots between users, devices, kinds or versions.

use minicbor::{Decode, Encode};
use siegel_domain::{DeviceId, MemberId, TenantId};

use crate::bytes::fixed_bytes;
use crate::cbor::{self, Blob, DecodeError};
use crate::keys::Fingerprint;
use crate::suite::Suite;

/// What a slot opens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum SlotKind {
    /// The device's key and the password (through OPAQUE's export key).
    #[n(0)]
    Password,
    /// The device's key and a passkey's PRF output.
    #[n(1)]
    Passkey,
    /// The printed recovery key alone.
    #[n(2)]
    Recovery,
}

/// What a slot is bound to; CBOR `["siegel/1/slot", context]` is the additional data of its outer layer and HPKE's
/// info of its inner one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SlotContext {
    /// The suite.
    #[n(0)]
    pub suite: Suite,
    /// The tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// The user.
    #[n(2)]
    pub member: MemberId,
    /// The device; a recovery slot has none.
    #[n(3)]
    pub device: Option<DeviceId>,
    /// What it opens with.
    #[n(4)]
    pub kind: SlotKind,
    /// One more each time the slot is sealed anew.
    #[n(5)]
    pub version: u64,
    /// The user key (X-Wing) that the root inside derives to.
    #[n(6)]
    pub user_key: Fingerprint,
}

impl SlotContext {
    /// The bytes bound into both layers.
    pub fn to_aad(&self) -> Vec<u8> {
        cbor::encode(&("siegel/1/slot", self))
    }
}

fixed_bytes! {
    /// Fresh random bytes for each sealing.
    SlotSalt(32);
}

/// A slot as it travels and is stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Slot {
    /// What it is bound to.
    #[n(0)]
    pub context: SlotContext,
    /// Salt of the outer key.
    #[n(1)]
    pub salt: SlotSalt,
    /// The outer ciphertext.
    #[n(2)]
    pub sealed: Blob,
}

impl Slot {
    /// Most bytes on the wire.
    pub const MAX_BYTES: usize = 2048;

    /// Reads the wire form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        cbor::decode(bytes, Self::MAX_BYTES)
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }
}
