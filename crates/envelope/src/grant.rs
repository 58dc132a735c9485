//! A grant: a record's key, sealed to one recipient key, detached from the record so that it can be made later and
//! made anew (a new epoch, a re-enrolled sender) without touching a byte of the record.
//!
//! All context stands in HPKE's `info`, the AAD is empty (other implementations take `info` only). The granter signs
//! `info ‖ enc ‖ ct`. On the wire: CBOR map `{0: info, 1: enc, 2: ct, 3: signature}`.

use minicbor::{Decode, Encode};
use siegel_domain::{Party, RecordId, TenantId};

use crate::bytes::{Digest, Signature, fixed_bytes};
use crate::cbor::{self, Blob, DecodeError};
use crate::keys::{Fingerprint, SigningPublicKey};
use crate::manifest::Manifest;
use crate::signed::{Invalid, VerifyError};
use crate::suite::{ALG_ED25519, Suite};

/// Most bytes of a grant on the wire.
pub const MAX_BYTES: usize = 2048;
/// The first word of the context of a grant of a record key.
pub const PURPOSE: &str = "siegel/1/grant";

fixed_bytes! {
    /// HPKE's encapsulated key under X-Wing.
    Enc(1120);
    /// A sealed 32-byte key with its tag.
    SealedKey(48);
}

/// What a grant says; its canonical encoding (a CBOR array in this order) is HPKE's `info`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GrantContext {
    /// What for: [`PURPOSE`].
    #[n(0)]
    pub purpose: String,
    /// The suite.
    #[n(1)]
    pub suite: Suite,
    /// The algorithm of the granter's signature.
    #[n(2)]
    pub alg: u16,
    /// The tenant the record belongs to.
    #[n(3)]
    pub tenant: TenantId,
    /// The record.
    #[n(4)]
    pub record: RecordId,
    /// The record's commitment, as its manifest says: ties the grant to this content of the record.
    #[n(5)]
    pub commitment: Digest,
    /// Who may open it.
    #[n(6)]
    pub recipient: Party,
    /// The X-Wing key it is sealed to.
    #[n(7)]
    pub recipient_key: Fingerprint,
    /// Who grants: the sender, or one who passes it on.
    #[n(8)]
    pub granter: Party,
    /// The signing key of the granter's device.
    #[n(9)]
    pub granter_key: Fingerprint,
}

impl GrantContext {
    /// The context of a grant of `manifest`'s record.
    pub fn new(manifest: &Manifest, to: (Party, Fingerprint), by: (Party, Fingerprint)) -> Self {
        Self {
            purpose: PURPOSE.to_owned(),
            suite: manifest.suite,
            alg: ALG_ED25519,
            tenant: manifest.tenant,
            record: manifest.record,
            commitment: manifest.commitment,
            recipient: to.0,
            recipient_key: to.1,
            granter: by.0,
            granter_key: by.1,
        }
    }

    /// HPKE's `info`.
    pub fn to_info(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Whether this grant is for the record of `manifest` and this content of it.
    pub fn fits(&self, manifest: &Manifest) -> bool {
        self.suite == manifest.suite
            && self.tenant == manifest.tenant
            && self.record == manifest.record
            && self.commitment == manifest.commitment
    }

    fn validate(&self) -> Result<(), VerifyError> {
        if self.purpose != PURPOSE {
            return Err(VerifyError::Kind);
        }
        if self.alg != ALG_ED25519 {
            return Err(VerifyError::Algorithm(self.alg));
        }
        Ok(self.suite.known().map_err(Invalid::from)?)
    }
}

/// A grant as it travels and is stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Grant {
    /// The canonical encoding of a [`GrantContext`].
    #[n(0)]
    pub info: Blob,
    /// HPKE's encapsulated key.
    #[n(1)]
    pub enc: Enc,
    /// The sealed record key.
    #[n(2)]
    pub ct: SealedKey,
    /// By the granter, over `info ‖ enc ‖ ct`.
    #[n(3)]
    pub signature: Signature,
}

impl Grant {
    /// The bytes that the granter signs.
    pub fn message(info: &[u8], enc: &Enc, ct: &SealedKey) -> Vec<u8> {
        [info, enc.as_bytes(), ct.as_bytes()].concat()
    }

    /// Reads the wire form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        cbor::decode(bytes, MAX_BYTES)
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// BLAKE3-256 of the wire form.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The context **without** checking the signature: to learn whose key to check it against.
    pub fn peek(&self) -> Result<GrantContext, VerifyError> {
        let context: GrantContext = cbor::decode(&self.info.0, MAX_BYTES)?;
        context.validate()?;
        Ok(context)
    }

    /// The context, if `granter` signed this grant and is the granter it names.
    pub fn verify(&self, granter: &SigningPublicKey) -> Result<GrantContext, VerifyError> {
        let context = self.peek()?;
        if context.granter_key != granter.fingerprint() {
            return Err(VerifyError::Signer);
        }
        if !granter.verifies(&Self::message(&self.info.0, &self.enc, &self.ct), &self.signature) {
            return Err(VerifyError::Signature);
        }
        Ok(context)
    }
}
