//! Deterministic CBOR (RFC 8949 § 4.2.1): shortest integers and lengths, definite lengths, map keys ascending and once,
//! nothing behind the value. `minicbor` alone is lenient about most of these, so there is one way in: decode, then
//! encode again and compare. The comparison only checks; what is hashed or verified stays the bytes that arrived.

use minicbor::encode::Write;
use minicbor::{Decode, Encode};

/// Why bytes are not the object that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than this kind of object may have.
    #[error("longer than the {max} bytes allowed")]
    TooLong {
        /// The bound in bytes.
        max: usize,
    },
    /// Not CBOR, or not of this type.
    #[error("not a well-formed object of this kind")]
    Malformed,
    /// The right value, spelled in a way that is not the canonical one.
    #[error("not in the canonical encoding")]
    NotCanonical,
}

/// The canonical encoding of `value`.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    encode_within(value, 0)
}

/// The same with room for `capacity` bytes from the start: the most that is accepted afterwards. An encoding that holds a
/// secret must not grow, since a vector that grows leaves copies behind.
pub fn encode_within<T: Encode<()>>(value: &T, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    minicbor::encode(value, &mut out).expect("writing to a Vec can't fail, and our types encode any of their values");
    out
}

/// The value in `bytes`, if they are at most `max_len` and exactly its canonical encoding.
pub fn decode<T>(bytes: &[u8], max_len: usize) -> Result<T, DecodeError>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    if bytes.len() > max_len {
        return Err(DecodeError::TooLong { max: max_len });
    }
    let mut decoder = minicbor::Decoder::new(bytes);
    let value: T = decoder.decode().map_err(|_| DecodeError::Malformed)?;
    let mut rest = Expected(bytes);
    let same = minicbor::encode(&value, &mut rest).is_ok() && rest.0.is_empty();
    if decoder.position() == bytes.len() && same { Ok(value) } else { Err(DecodeError::NotCanonical) }
}

/// Takes an encoding piece by piece and compares it with what is expected: no second copy of a long object, nor of a
/// secret one.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    type Error = DecodeError;

    fn write_all(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        self.0 = self.0.strip_prefix(piece).ok_or(DecodeError::NotCanonical)?;
        Ok(())
    }
}

/// A byte string of any length up to the bound of the object it is in.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Blob(pub Vec<u8>);

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl<C> Encode<C> for Blob {
    fn encode<W: Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Blob {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self(d.bytes()?.to_vec()))
    }
}
