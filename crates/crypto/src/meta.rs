//! Sealed metadata: what people call a record. Padded to buckets, so that its length says little; keyed by the record
//! key, and its hash stands in the manifest, so that it can't be swapped between records.

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use siegel_domain::limits::SEALED_METADATA_BYTES;
use siegel_envelope::{Digest, Manifest, cbor};

use crate::chunk::RecordContext;
use crate::secret::RecordKey;
use crate::{OpenError, salted};

/// Lengths that a plaintext is padded to; the largest fills what the platform takes.
pub const BUCKETS: [usize; 5] = [256, 1024, 4096, 16_384, SEALED_METADATA_BYTES - salted::OVERHEAD];

/// More than fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the metadata of a record is at most {} bytes", BUCKETS[4] - 4)]
pub struct MetadataError;

/// What people call a record. Everything may be absent; the list of further fields may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Metadata {
    /// The file's name, without a directory. Never used as a path unchecked.
    #[n(0)]
    pub file_name: Option<String>,
    /// The media type.
    #[n(1)]
    pub media_type: Option<String>,
    /// A title for lists.
    #[n(2)]
    pub title: Option<String>,
    /// A note to the recipient.
    #[n(3)]
    pub note: Option<String>,
    /// Further fields: name and value, in the order they are shown.
    #[n(4)]
    pub fields: Vec<(String, String)>,
}

/// Seals `metadata` under HKDF(record key, salt, CBOR `["siegel/1/metadata", suite, tenant, record, sender, sender key]`).
pub fn seal(
    key: &RecordKey,
    context: &RecordContext,
    metadata: &Metadata,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, MetadataError> {
    let plain = zeroize::Zeroizing::new(cbor::encode_within(metadata, BUCKETS[4]));
    let padded = salted::pad(&plain, &BUCKETS).ok_or(MetadataError)?;
    let info = cbor::encode(&context.info("siegel/1/metadata"));
    Ok(salted::seal(key.0.expose(), &info, &padded, rng))
}

/// Opens what belongs to `manifest`.
pub fn open(key: &RecordKey, manifest: &Manifest, sealed: &[u8]) -> Result<Metadata, OpenError> {
    if sealed.len() > SEALED_METADATA_BYTES || Digest::of(sealed) != manifest.metadata_hash {
        return Err(OpenError::Authentication);
    }
    let info = cbor::encode(&RecordContext::of(manifest).info("siegel/1/metadata"));
    let padded = salted::open(key.0.expose(), &info, sealed)?;
    let plain = salted::unpad(&padded, &BUCKETS)?;
    cbor::decode(plain, SEALED_METADATA_BYTES).map_err(|_| OpenError::Authentication)
}
