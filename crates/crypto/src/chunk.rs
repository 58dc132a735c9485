//! The AEAD layer of a part: key, nonces, flags. Public, so that `loadtest` can measure it beside the bare library.

use minicbor::Encode;
use siegel_domain::limits::SALT_BYTES;
use siegel_domain::{Party, RecordId, TenantId};
use siegel_envelope::{Digest, Fingerprint, Manifest, Suite};

use crate::OpenError;
use crate::aead::{Aes256Gcm, Nonce, TAG};
use crate::kdf;
use crate::secret::RecordKey;

/// What every key of a record is bound to. Binding the sender stops others from passing the ciphertext off as theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordContext {
    /// The tenant the record belongs to.
    pub tenant: TenantId,
    /// The record.
    pub record: RecordId,
    /// Who seals it.
    pub sender: Party,
    /// The signing key of the sender's device.
    pub sender_key: Fingerprint,
}

impl RecordContext {
    /// The context that a manifest states.
    pub const fn of(manifest: &Manifest) -> Self {
        Self {
            tenant: manifest.tenant,
            record: manifest.record,
            sender: manifest.sender,
            sender_key: manifest.sender_key,
        }
    }

    pub(crate) fn info(&self, domain: &str) -> impl Encode<()> {
        (domain.to_owned(), Suite::ONE, self.tenant, self.record, self.sender, self.sender_key)
    }

    /// HKDF(record key, info = CBOR `["siegel/1/commit", suite, tenant, record, sender, sender key]`).
    pub fn commitment(&self, key: &RecordKey) -> Digest {
        Digest::from_bytes(*kdf::derive(key.0.expose(), b"", &self.info("siegel/1/commit")).expose())
    }
}

/// What comes after a chunk; the last byte of its nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another chunk of this part.
    Chunk = 0,
    /// Another part.
    Part = 1,
    /// Nothing: the record ends.
    Nothing = 2,
}

impl Next {
    /// What follows chunk `index` of `chunks` in a part that is the `last` or not.
    pub const fn after(index: usize, chunks: usize, last: bool) -> Self {
        match (index + 1 < chunks, last) {
            (true, _) => Self::Chunk,
            (false, false) => Self::Part,
            (false, true) => Self::Nothing,
        }
    }
}

/// The key of one sealing of one part.
pub struct PartKey(Aes256Gcm);

impl PartKey {
    /// HKDF(record key, salt, info = CBOR `["siegel/1/payload", suite, tenant, record, sender, sender key, part]`).
    pub fn derive(key: &RecordKey, context: &RecordContext, part: u32, salt: &[u8; SALT_BYTES]) -> Self {
        let c = context;
        let info = ("siegel/1/payload", Suite::ONE, c.tenant, c.record, c.sender, c.sender_key, part);
        Self(Aes256Gcm::new(&kdf::derive(key.0.expose(), salt, &info)))
    }

    /// Encrypts a chunk where it lies and returns its tag.
    pub fn seal_chunk(&self, index: u32, next: Next, data: &mut [u8]) -> [u8; TAG] {
        self.0.seal_in_place(nonce(index, next), b"", data)
    }

    /// Decrypts a sealed chunk into `out` (as long as its plaintext); `out` is all zero if it fails.
    pub fn open_chunk(&self, index: u32, next: Next, sealed: &[u8], out: &mut [u8]) -> Result<(), OpenError> {
        self.0.open_into(nonce(index, next), b"", sealed, out).map_err(|_| OpenError::Authentication)
    }
}

/// Four zero bytes, the index (big-endian), three zero bytes, the flag.
fn nonce(index: u32, next: Next) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..8].copy_from_slice(&index.to_be_bytes());
    nonce[11] = next as u8;
    nonce
}
