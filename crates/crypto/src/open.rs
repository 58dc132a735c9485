//! Opening a record. Nothing is decrypted before the key is checked against the manifest's commitment, no chunk before
//! its hash is checked against the signed digest, and nothing of a chunk is handed out unless its tag was good.

use siegel_domain::limits::{DIGEST_BYTES, SALT_BYTES};
use siegel_envelope::part::{ChunkRange, PartShape, digest_of_trailer};
use siegel_envelope::{Manifest, Signed};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::OpenError;
use crate::chunk::{Next, PartKey, RecordContext};
use crate::meta::{self, Metadata};
use crate::secret::RecordKey;

/// Opens the parts of one record, in any order.
#[derive(Debug)]
pub struct RecordOpener {
    manifest: Signed<Manifest>,
    context: RecordContext,
    key: RecordKey,
}

impl RecordOpener {
    /// With a manifest whose signature was verified, and the key from a grant. Fails at once if the key is not the one
    /// the sender committed to. Whose key signed the manifest is for the caller to judge, by the roster.
    pub fn new(manifest: Signed<Manifest>, key: RecordKey) -> Result<Self, OpenError> {
        manifest.suite.known()?;
        let context = RecordContext::of(&manifest);
        let committed = context.commitment(&key);
        let same: bool = committed.as_bytes()[..].ct_eq(&manifest.commitment.as_bytes()[..]).into();
        if !same || manifest.bytes().signer != manifest.sender_key {
            return Err(OpenError::Authentication);
        }
        Ok(Self { manifest, context, key })
    }

    /// The record's manifest.
    pub const fn manifest(&self) -> &Signed<Manifest> {
        &self.manifest
    }

    /// The record's key, to pass the record on.
    pub const fn key(&self) -> &RecordKey {
        &self.key
    }

    /// Opens the whole sealed part `number` and appends its plaintext to `out`. If it fails, `out` has gained the
    /// chunks before the bad one and nothing else.
    pub fn open_part(&self, number: u32, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let shape = self.shape(number)?;
        if sealed.len() != shape.sealed_bytes() {
            return Err(OpenError::Authentication);
        }
        let (body, trailer) = sealed.split_at(shape.trailer_start());
        let (salt, chunks) = body.split_first_chunk().ok_or(OpenError::Authentication)?;
        self.part(number, salt, trailer)?.open(0..shape.chunks, chunks, out)
    }

    /// The same into a buffer that is **overwritten** with the part's plaintext and best kept for the next part: its
    /// memory is allocated and zeroed once. If it fails, `out` holds the chunks before the bad one and nothing else.
    pub fn open_part_into(&self, number: u32, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let mut good = 0;
        let opened = self.fill_part(number, sealed, out, &mut good);
        out.truncate(good);
        opened
    }

    /// Counts in `good` how many bytes of `out` are the part's.
    fn fill_part(&self, number: u32, sealed: &[u8], out: &mut Vec<u8>, good: &mut usize) -> Result<(), OpenError> {
        let shape = self.shape(number)?;
        if sealed.len() != shape.sealed_bytes() {
            return Err(OpenError::Authentication);
        }
        let (body, trailer) = sealed.split_at(shape.trailer_start());
        let part = self.part(number, body.first_chunk().ok_or(OpenError::Authentication)?, trailer)?;
        out.resize(shape.plain_bytes, 0);
        for index in 0..shape.chunks {
            let end = *good + shape.chunk_plain(index);
            part.open_chunk(index, &sealed[shape.chunk_range(index)], &mut out[*good..end])?;
            *good = end;
        }
        Ok(())
    }

    /// Checks salt and trailer of part `number` against the manifest; the chunks can then be opened one by one or in
    /// runs, as they are read.
    pub fn part(&self, number: u32, salt: &[u8; SALT_BYTES], trailer: &[u8]) -> Result<PartOpener, OpenError> {
        let shape = self.shape(number)?;
        let entry = self.manifest.parts.get(number as usize).ok_or(OpenError::Range)?;
        if trailer.len() != shape.chunks * DIGEST_BYTES || digest_of_trailer(salt, trailer) != entry.digest {
            return Err(OpenError::Authentication);
        }
        let last = number as usize + 1 == self.manifest.parts.len();
        let key = PartKey::derive(&self.key, &self.context, number, salt);
        Ok(PartOpener { shape, last, key, trailer: trailer.to_vec() })
    }

    /// Opens what [`siegel_envelope::part::range`] said to read of one part, and appends the wanted bytes to `out`.
    pub fn open_range(
        &self,
        range: &ChunkRange,
        salt: &[u8; SALT_BYTES],
        sealed: &[u8],
        trailer: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let mut plain = Zeroizing::new(Vec::new());
        self.part(range.part, salt, trailer)?.open(range.chunks.clone(), sealed, &mut plain)?;
        out.extend_from_slice(plain.get(range.wanted.clone()).ok_or(OpenError::Range)?);
        Ok(())
    }

    /// Opens the sealed metadata, after checking it against the manifest's hash.
    pub fn open_metadata(&self, sealed: &[u8]) -> Result<Metadata, OpenError> {
        meta::open(&self.key, &self.manifest, sealed)
    }

    fn shape(&self, number: u32) -> Result<PartShape, OpenError> {
        siegel_envelope::part::layout(self.manifest.plain_bytes)
            .ok()
            .and_then(|layout| layout.part(number))
            .ok_or(OpenError::Range)
    }
}

/// One part whose trailer is known to be the signed one.
pub struct PartOpener {
    shape: PartShape,
    last: bool,
    key: PartKey,
    trailer: Vec<u8>,
}

impl PartOpener {
    /// The part's inner sizes.
    pub const fn shape(&self) -> PartShape {
        self.shape
    }

    /// Opens the run of sealed chunks `chunks`, which is exactly what `sealed` holds, and appends their plaintext to
    /// `out`. If it fails, `out` has gained the chunks before the bad one and nothing else.
    pub fn open(&self, chunks: std::ops::Range<usize>, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        if chunks.is_empty() || chunks.end > self.shape.chunks {
            return Err(OpenError::Range);
        }
        let first = self.shape.chunk_range(chunks.start).start;
        if sealed.len() != self.shape.chunk_range(chunks.end - 1).end - first {
            return Err(OpenError::Authentication);
        }
        for index in chunks {
            let place = self.shape.chunk_range(index);
            let start = out.len();
            out.resize(start + self.shape.chunk_plain(index), 0);
            let opened = self.open_chunk(index, &sealed[place.start - first..place.end - first], &mut out[start..]);
            if opened.is_err() {
                out.truncate(start);
                return opened;
            }
        }
        Ok(())
    }

    /// Opens one sealed chunk into `out`, which is as long as its plaintext; `out` is all zero if it fails.
    pub fn open_chunk(&self, index: usize, sealed: &[u8], out: &mut [u8]) -> Result<(), OpenError> {
        let expected = self.trailer.chunks_exact(DIGEST_BYTES).nth(index).ok_or(OpenError::Range)?;
        if blake3::hash(sealed).as_bytes() != expected {
            out.fill(0);
            return Err(OpenError::Authentication);
        }
        let next = Next::after(index, self.shape.chunks, self.last);
        self.key.open_chunk(index as u32, next, sealed, out)
    }
}
