//! The digest of a sealed part: streaming, as bytes arrive, and of a whole part at once.

use minicbor::bytes::ByteSlice;
use siegel_domain::limits::{CHUNKS_PER_PART, DIGEST_BYTES, SALT_BYTES};

use super::{PartError, PartShape, shape};
use crate::bytes::PartDigest;
use crate::cbor;

/// The digest from a part's salt and trailer alone; says nothing of the chunks until they are hashed.
pub fn digest_of_trailer(salt: &[u8; SALT_BYTES], trailer: &[u8]) -> PartDigest {
    let tuple = ("siegel/1/part", <&ByteSlice>::from(&salt[..]), <&ByteSlice>::from(trailer));
    PartDigest::from_bytes(*blake3::hash(&cbor::encode(&tuple)).as_bytes())
}

/// The digest of a whole sealed part, after checking its length and that its trailer holds its chunks' hashes.
pub fn digest_of(sealed: &[u8]) -> Result<PartDigest, PartError> {
    let shape = shape(sealed.len())?;
    let (body, trailer) = sealed.split_at(shape.trailer_start());
    for (chunk, expected) in trailer.chunks_exact(DIGEST_BYTES).enumerate() {
        if blake3::hash(&body[shape.chunk_range(chunk)]).as_bytes() != expected {
            return Err(PartError::Trailer);
        }
    }
    let salt = body.first_chunk().ok_or(PartError::Length)?;
    Ok(digest_of_trailer(salt, trailer))
}

/// Digests a part of a length known beforehand while it arrives in pieces of any size. Holds one hash state and at
/// most 2 KiB; never the part.
pub struct PartDigester {
    shape: PartShape,
    taken: usize,
    chunk: usize,
    hasher: blake3::Hasher,
    salt: [u8; SALT_BYTES],
    hashes: [u8; CHUNKS_PER_PART * DIGEST_BYTES],
    trailer: [u8; CHUNKS_PER_PART * DIGEST_BYTES],
}

impl PartDigester {
    /// For a sealed part of `sealed_bytes`.
    pub fn new(sealed_bytes: usize) -> Result<Self, PartError> {
        Ok(Self {
            shape: shape(sealed_bytes)?,
            taken: 0,
            chunk: 0,
            hasher: blake3::Hasher::new(),
            salt: [0; SALT_BYTES],
            hashes: [0; CHUNKS_PER_PART * DIGEST_BYTES],
            trailer: [0; CHUNKS_PER_PART * DIGEST_BYTES],
        })
    }

    /// The part's inner sizes.
    pub const fn shape(&self) -> PartShape {
        self.shape
    }

    /// Where the piece ends that is being taken: salt, a chunk, the trailer. Whoever has the bytes in one buffer anyway
    /// hands each piece over whole: BLAKE3 hashes 256 KiB at once much faster than in network-sized steps.
    pub const fn piece_end(&self) -> usize {
        let trailer_start = self.shape.trailer_start();
        match self.taken {
            at if at < SALT_BYTES => SALT_BYTES,
            at if at < trailer_start => self.shape.chunk_range(self.chunk).end,
            _ => self.shape.sealed_bytes(),
        }
    }

    /// Takes the next bytes; refuses the first byte beyond the announced length.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), PartError> {
        if bytes.len() > self.shape.sealed_bytes() - self.taken {
            return Err(PartError::Announced);
        }
        let trailer_start = self.shape.trailer_start();
        while !bytes.is_empty() {
            let end = self.piece_end();
            let (now, later) = bytes.split_at(bytes.len().min(end - self.taken));
            if self.taken < SALT_BYTES {
                self.salt[self.taken..][..now.len()].copy_from_slice(now);
            } else if self.taken < trailer_start {
                self.hasher.update(now);
            } else {
                self.trailer[self.taken - trailer_start..][..now.len()].copy_from_slice(now);
            }
            self.taken += now.len();
            bytes = later;
            if self.taken == end && self.taken > SALT_BYTES && self.taken <= trailer_start {
                self.hashes[self.chunk * DIGEST_BYTES..][..DIGEST_BYTES]
                    .copy_from_slice(self.hasher.finalize().as_bytes());
                self.hasher.reset();
                self.chunk += 1;
            }
        }
        Ok(())
    }

    /// The digest, if all bytes came and the trailer fits the chunks.
    pub fn finish(self) -> Result<PartDigest, PartError> {
        if self.taken != self.shape.sealed_bytes() {
            return Err(PartError::Announced);
        }
        let used = self.shape.chunks * DIGEST_BYTES;
        if self.hashes[..used] != self.trailer[..used] {
            return Err(PartError::Trailer);
        }
        Ok(digest_of_trailer(&self.salt, &self.trailer[..used]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siegel_domain::limits::CHUNK_BYTES;

    fn part(plain: usize) -> Vec<u8> {
        let shape = PartShape::of_plain(plain);
        let mut sealed: Vec<u8> = (0..shape.trailer_start()).map(|i| (i * 31 % 251) as u8).collect();
        for chunk in 0..shape.chunks {
            let hash = *blake3::hash(&sealed[shape.chunk_range(chunk)]).as_bytes();
            sealed.extend_from_slice(&hash);
        }
        sealed
    }

    fn streamed(sealed: &[u8], piece: usize) -> Result<PartDigest, PartError> {
        let mut digester = PartDigester::new(sealed.len())?;
        sealed.chunks(piece).try_for_each(|bytes| digester.update(bytes))?;
        digester.finish()
    }

    #[test]
    fn streaming_and_whole_agree_for_pieces_of_any_size() {
        for plain in [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 7] {
            let sealed = part(plain);
            let whole = digest_of(&sealed).expect("well made");
            for piece in [7, 32, 48, 16 * 1024, CHUNK_BYTES + 16, sealed.len()] {
                assert_eq!(streamed(&sealed, piece), Ok(whole), "{plain} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn pieces_handed_over_whole_lead_to_the_same_digest() {
        let sealed = part(2 * CHUNK_BYTES + 7);
        let mut digester = PartDigester::new(sealed.len()).expect("a length");
        let (mut taken, mut pieces) = (0, 0);
        while taken < sealed.len() {
            let end = digester.piece_end();
            digester.update(&sealed[taken..end]).expect("fits");
            (taken, pieces) = (end, pieces + 1);
        }
        assert_eq!(pieces, 1 + 3 + 1, "salt, three chunks, trailer");
        assert_eq!(digester.finish(), digest_of(&sealed));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused_or_changes_the_digest() {
        let sealed = part(CHUNK_BYTES + 5);
        let whole = digest_of(&sealed).expect("well made");
        for place in [0, 31, 32, 40_000, CHUNK_BYTES + 48, sealed.len() - 64, sealed.len() - 1] {
            let mut bad = sealed.clone();
            bad[place] ^= 1;
            assert_ne!(digest_of(&bad), Ok(whole), "{place}");
            assert_eq!(digest_of(&bad), streamed(&bad, 1000), "{place}");
        }
    }

    #[test]
    fn too_many_or_too_few_bytes_are_refused() {
        let sealed = part(100);
        let mut digester = PartDigester::new(sealed.len()).expect("a length");
        digester.update(&sealed).expect("fits");
        assert_eq!(digester.update(&[0]), Err(PartError::Announced));
        let mut digester = PartDigester::new(sealed.len()).expect("a length");
        digester.update(&sealed[1..]).expect("fits");
        assert_eq!(digester.finish(), Err(PartError::Announced));
        assert_eq!(PartDigester::new(79).err(), Some(PartError::Length));
    }
}
