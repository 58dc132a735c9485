//! The manifest: what a record is, signed by its sender. Everything an opener believes about a record stands here;
//! names, notes and types lie in the sealed metadata, whose hash stands here too.

use minicbor::{Decode, Encode};
use siegel_domain::limits::{PARTS_PER_RECORD, RECIPIENTS};
use siegel_domain::{ConversationId, Party, RecordId, TenantId, Timestamp};

use crate::bytes::{Digest, PartDigest};
use crate::keys::{Fingerprint, SigningPublicKey};
use crate::part;
use crate::signed::{Invalid, Signable, Signed, VerifyError};
use crate::suite::Suite;

/// A named recipient and the key the record's key was first sealed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Recipient {
    /// Who.
    #[n(0)]
    pub party: Party,
    /// The X-Wing key: a tenant's epoch key, a sender's device key, a member's user key.
    #[n(1)]
    pub key: Fingerprint,
}

/// One part, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PartEntry {
    /// Digest of the sealed part.
    #[n(0)]
    pub digest: PartDigest,
    /// Bytes of the sealed part.
    #[n(1)]
    pub sealed_bytes: u32,
}

/// What a record is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Manifest {
    /// The suite everything in the record is sealed with.
    #[n(0)]
    pub suite: Suite,
    /// The tenant the record belongs to.
    #[n(1)]
    pub tenant: TenantId,
    /// The record.
    #[n(2)]
    pub record: RecordId,
    /// The thread it is part of, if any.
    #[n(3)]
    pub conversation: Option<ConversationId>,
    /// Who sealed it.
    #[n(4)]
    pub sender: Party,
    /// The signing key of the sender's device; signs this manifest and is bound into every key of the record.
    #[n(5)]
    pub sender_key: Fingerprint,
    /// Named recipients, each once.
    #[n(6)]
    pub recipients: Vec<Recipient>,
    /// Bytes of the plaintext.
    #[n(7)]
    pub plain_bytes: u64,
    /// The parts in order, as [`part::layout`] cuts `plain_bytes`.
    #[n(8)]
    pub parts: Vec<PartEntry>,
    /// Commits to the record key and its sender: AES-GCM alone would let one ciphertext open under two keys.
    #[n(9)]
    pub commitment: Digest,
    /// BLAKE3-256 of the sealed metadata.
    #[n(10)]
    pub metadata_hash: Digest,
    /// The record this one answers.
    #[n(11)]
    pub answers: Option<RecordId>,
    /// The sender's clock when it sealed; a claim, not a fact.
    #[n(12)]
    pub client_time: Timestamp,
    /// BLAKE3-256 of the last directory checkpoint the sender saw.
    #[n(13)]
    pub checkpoint: Option<Digest>,
}

impl Signable for Manifest {
    const DOMAIN: &'static str = "siegel/1/manifest";
    /// 16,384 parts at 42 bytes, 64 recipients at 70, and the rest.
    const MAX_BYTES: usize = 768 * 1024;

    fn validate(&self) -> Result<(), Invalid> {
        self.suite.known()?;
        if self.recipients.is_empty() || self.recipients.len() > RECIPIENTS {
            return Err(Invalid::Rule("a record has 1 to 64 recipients"));
        }
        let twice = |(at, one): (usize, &Recipient)| self.recipients[..at].iter().any(|other| other.party == one.party);
        if self.recipients.iter().enumerate().any(twice) {
            return Err(Invalid::Rule("a recipient is named twice"));
        }
        if self.answers == Some(self.record) {
            return Err(Invalid::Rule("a record can't answer itself"));
        }
        let layout = part::layout(self.plain_bytes).map_err(|_| Invalid::Rule("longer than a record can be"))?;
        if self.parts.len() != layout.parts as usize || self.parts.len() > PARTS_PER_RECORD {
            return Err(Invalid::Rule("the number of parts does not fit the length"));
        }
        let fits = |(number, entry): (u32, &PartEntry)| layout.sealed_len(number) == Some(entry.sealed_bytes as usize);
        if !(0..).zip(&self.parts).all(fits) {
            return Err(Invalid::Rule("the size of a part does not fit the length"));
        }
        Ok(())
    }
}

impl Manifest {
    /// Verifies a manifest in its wire form: signed by `sender`, and naming that very key as the sender's.
    pub fn verify(bytes: &[u8], sender: &SigningPublicKey) -> Result<Signed<Self>, VerifyError> {
        let manifest = Signed::<Self>::open(bytes, sender)?;
        if manifest.sender_key == manifest.bytes().signer { Ok(manifest) } else { Err(VerifyError::Signer) }
    }

    /// Whether `party` is named as a recipient.
    pub fn names(&self, party: Party) -> bool {
        self.recipients.iter().any(|recipient| recipient.party == party)
    }

    /// Sealed bytes of all parts.
    pub fn sealed_bytes(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.sealed_bytes)).sum()
    }
}
