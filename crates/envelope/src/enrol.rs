//! Enrolment: the keys a newcomer offers, and what it MACs under the code. A server that swaps a key can't make the
//! MAC, since it knows only a hash of another value derived from the code.

use minicbor::{Decode, Encode};
use siegel_domain::{DeviceId, InviteId, Principal, TenantId};

use crate::bytes::{Digest, fixed_bytes};
use crate::cbor::{self, DecodeError};
use crate::code::CodeKind;
use crate::keys::{KemPublicKey, SigningPublicKey};
use crate::roster::RosterDevice;

fixed_bytes! {
    /// HKDF(code, "auth"): what the newcomer shows to the server. The server keeps [`AuthToken::stored`] only.
    AuthToken(32);
    /// HMAC-SHA256 under HKDF(code, "mac") over [`Offer::mac_input`].
    EnrolmentMac(32);
}

impl AuthToken {
    /// What the server stores and compares: BLAKE3-256 of the token.
    pub fn stored(&self) -> Digest {
        Digest::of(self.as_bytes())
    }
}

/// The keys a newcomer offers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Offer {
    /// The tenant.
    #[n(0)]
    pub tenant: TenantId,
    /// The invitation it answers.
    #[n(1)]
    pub invite: InviteId,
    /// What the invitation was for.
    #[n(2)]
    pub kind: CodeKind,
    /// Who the newcomer becomes.
    #[n(3)]
    pub principal: Principal,
    /// The newcomer's device.
    #[n(4)]
    pub device: DeviceId,
    /// The device's signing key.
    #[n(5)]
    pub sign: SigningPublicKey,
    /// The device's X-Wing key.
    #[n(6)]
    pub kem: KemPublicKey,
    /// A member's user key.
    #[n(7)]
    pub user_key: Option<KemPublicKey>,
    /// A member's recovery signing key.
    #[n(8)]
    pub recovery_key: Option<SigningPublicKey>,
}

impl Offer {
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

    /// What the newcomer MACs: CBOR `["siegel/1/offer", offer]`.
    pub fn mac_input(&self) -> Vec<u8> {
        cbor::encode(&("siegel/1/offer", self))
    }

    /// The device as it goes into the roster.
    pub fn roster_device(&self) -> RosterDevice {
        RosterDevice { device: self.device, sign: self.sign, kem: self.kem.fingerprint() }
    }
}
