//! Sealing a record, part by part, in constant memory: plaintext is read into the slot where its ciphertext will lie,
//! sealed in place and hashed while it is still in cache.
//!
//! A part can be sealed again at any time (a lost acknowledgement, a restart): each sealing draws a new salt, hence a
//! new key, so that no nonce ever meets a key twice, whatever happened to the file in between.

use std::io::Read;

use rand_core::CryptoRng;
use siegel_domain::limits::{
    CHUNKS_PER_PART, DIGEST_BYTES, PART_PLAINTEXT_BYTES, PARTS_PER_RECORD, SALT_BYTES, TAG_BYTES,
};
use siegel_domain::{ConversationId, RecordId, Timestamp};
use siegel_envelope::manifest::{PartEntry, Recipient};
use siegel_envelope::part::{PartShape, digest_of_trailer};
use siegel_envelope::signed::Invalid;
use siegel_envelope::{Digest, Manifest, PartDigest, Signable, Signed, Suite};

pub use crate::chunk::RecordContext;
use crate::chunk::{Next, PartKey};
use crate::keys::SigningSecretKey;
use crate::meta::{self, Metadata, MetadataError};
use crate::secret::RecordKey;

/// Why a part was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Not a length or number that a part can have: all but the last are full, the last is not empty unless it is the
    /// only one.
    #[error("a part of this length can't stand at this place")]
    Length,
    /// The source failed or ended early.
    #[error("reading the plaintext failed: {0}")]
    Read(#[from] std::io::Error),
}

/// A part that was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedPart {
    /// Its digest, for the manifest and the upload.
    pub digest: PartDigest,
    /// Its length.
    pub sealed_bytes: u32,
    /// BLAKE3-256 of its plaintext, if the sealer was asked for it; for the resume state only.
    pub plain_hash: Option<Digest>,
}

impl SealedPart {
    /// The part's entry in the manifest.
    pub const fn entry(&self) -> PartEntry {
        PartEntry { digest: self.digest, sealed_bytes: self.sealed_bytes }
    }
}

/// What a manifest says beside what the sealer knows itself.
#[derive(Debug, Clone)]
pub struct ManifestFields {
    /// The thread the record is part of.
    pub conversation: Option<ConversationId>,
    /// Named recipients.
    pub recipients: Vec<Recipient>,
    /// Bytes of the plaintext.
    pub plain_bytes: u64,
    /// The parts in order.
    pub parts: Vec<PartEntry>,
    /// BLAKE3-256 of the sealed metadata.
    pub metadata_hash: Digest,
    /// The record it answers.
    pub answers: Option<RecordId>,
    /// The client's clock.
    pub client_time: Timestamp,
    /// BLAKE3-256 of the last directory checkpoint seen.
    pub checkpoint: Option<Digest>,
}

/// Seals one record. Holds its key; parts may be sealed in any order, in parallel and again.
#[derive(Debug, Clone)]
pub struct RecordSealer {
    context: RecordContext,
    key: RecordKey,
    plain_hashes: bool,
}

impl RecordSealer {
    /// For a new record, with a fresh key.
    pub fn new(context: RecordContext, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::resume(context, RecordKey::generate(rng))
    }

    /// For a record begun earlier, with the key from its resume state.
    pub const fn resume(context: RecordContext, key: RecordKey) -> Self {
        Self { context, key, plain_hashes: false }
    }

    /// Also hashes each part's plaintext, so that a changed file is noticed on resuming.
    #[must_use]
    pub const fn with_plain_hashes(mut self) -> Self {
        self.plain_hashes = true;
        self
    }

    /// What the record's keys are bound to.
    pub const fn context(&self) -> &RecordContext {
        &self.context
    }

    /// The record's key, for grants and the resume state.
    pub const fn key(&self) -> &RecordKey {
        &self.key
    }

    /// Seals part `number` with the plaintext `plain` into `out`, which is overwritten.
    pub fn seal_part(
        &self,
        number: u32,
        last: bool,
        plain: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
        out: &mut Vec<u8>,
    ) -> Result<SealedPart, SealError> {
        self.seal_part_from(number, last, plain.len(), plain, rng, out)
    }

    /// Seals part `number` with the next `plain_bytes` of `source` into `out`, which is overwritten; keep it for the
    /// next part, so that its memory is allocated once. `last` says that the record ends with this part.
    pub fn seal_part_from(
        &self,
        number: u32,
        last: bool,
        plain_bytes: usize,
        mut source: impl Read,
        rng: &mut (impl CryptoRng + ?Sized),
        out: &mut Vec<u8>,
    ) -> Result<SealedPart, SealError> {
        let full = plain_bytes == PART_PLAINTEXT_BYTES;
        let fits = full || (last && plain_bytes < PART_PLAINTEXT_BYTES && (plain_bytes > 0 || number == 0));
        if !fits || number as usize >= PARTS_PER_RECORD {
            return Err(SealError::Length);
        }
        let shape = PartShape::of_plain(plain_bytes);
        out.resize(shape.sealed_bytes(), 0);
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        out[..SALT_BYTES].copy_from_slice(&salt);
        let key = PartKey::derive(&self.key, &self.context, number, &salt);
        let mut plain_hasher = self.plain_hashes.then(blake3::Hasher::new);
        let mut hashes = [0; CHUNKS_PER_PART * DIGEST_BYTES];
        for index in 0..shape.chunks {
            let slot = &mut out[shape.chunk_range(index)];
            let (data, tag) = slot.split_at_mut(slot.len() - TAG_BYTES);
            if let Err(failed) = source.read_exact(data) {
                out.fill(0); // what was read is plaintext
                return Err(failed.into());
            }
            if let Some(hasher) = &mut plain_hasher {
                hasher.update(data);
            }
            let next = Next::after(index, shape.chunks, last);
            tag.copy_from_slice(&key.seal_chunk(index as u32, next, data));
            hashes[index * DIGEST_BYTES..][..DIGEST_BYTES].copy_from_slice(blake3::hash(slot).as_bytes());
        }
        let trailer = &hashes[..shape.chunks * DIGEST_BYTES];
        out[shape.trailer_start()..].copy_from_slice(trailer);
        Ok(SealedPart {
            digest: digest_of_trailer(&salt, trailer),
            sealed_bytes: shape.sealed_bytes() as u32,
            plain_hash: plain_hasher.map(|hasher| Digest::from_bytes(*hasher.finalize().as_bytes())),
        })
    }

    /// Seals names, notes and types, padded to a bucket.
    pub fn seal_metadata(
        &self,
        metadata: &Metadata,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, MetadataError> {
        meta::seal(&self.key, &self.context, metadata, rng)
    }

    /// The signed manifest, once all parts are sealed. `device` is the key the record was begun with.
    pub fn finish(&self, fields: ManifestFields, device: &SigningSecretKey) -> Result<Signed<Manifest>, Invalid> {
        if device.fingerprint() != self.context.sender_key {
            return Err(Invalid::Rule("the record was begun with another device key"));
        }
        let manifest = Manifest {
            suite: Suite::ONE,
            tenant: self.context.tenant,
            record: self.context.record,
            conversation: fields.conversation,
            sender: self.context.sender,
            sender_key: self.context.sender_key,
            recipients: fields.recipients,
            plain_bytes: fields.plain_bytes,
            parts: fields.parts,
            commitment: self.context.commitment(&self.key),
            metadata_hash: fields.metadata_hash,
            answers: fields.answers,
            client_time: fields.client_time,
            checkpoint: fields.checkpoint,
        };
        manifest.validate()?;
        Ok(device.sign(manifest))
    }
}
