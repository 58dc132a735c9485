//! Byte strings of a fixed length, as types: a digest is not a fingerprint and a part's digest is not a manifest's.
//! On the wire all are CBOR byte strings of exactly their length; in JSON and in logs they are lower-case hex.

use std::fmt;

/// Not the hex form that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {bytes} bytes in lower-case hex")]
pub struct HexError {
    /// How many bytes the type has.
    pub bytes: usize,
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)] as char, DIGITS[usize::from(b & 15)] as char]).collect()
}

pub(crate) fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    let mut out = [0u8; N];
    if text.len() != 2 * N {
        return Err(HexError { bytes: N });
    }
    for (slot, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *slot = digit(pair[0]).zip(digit(pair[1])).map(|(h, l)| h << 4 | l).ok_or(HexError { bytes: N })?;
    }
    Ok(out)
}

macro_rules! fixed_bytes {
    ($($(#[$doc:meta])* $name:ident($len:expr);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Wraps the bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Wraps the bytes if there are exactly as many as needed.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Lower-case hex, all bytes.
            pub fn to_hex(&self) -> String {
                crate::bytes::to_hex(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.to_hex())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::bytes::HexError;
            fn from_str(text: &str) -> Result<Self, crate::bytes::HexError> {
                crate::bytes::from_hex(text).map(Self)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self, e: &mut minicbor::Encoder<W>, _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::from_slice(d.bytes()?).ok_or_else(|| minicbor::decode::Error::message("wrong length"))
            }
        }
    )*};
}
pub(crate) use fixed_bytes;

fixed_bytes! {
    /// BLAKE3-256 of some signed or hashed bytes.
    Digest(32);
    /// BLAKE3-256 over a part's salt and its chunk hashes, see [`crate::part`].
    PartDigest(32);
    /// An Ed25519 signature (RFC 8032): R then S.
    Signature(64);
}

impl Digest {
    /// BLAKE3-256 of `bytes`, as received.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Display for PartDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_has_one_spelling() {
        let digest = Digest::of(b"siegel");
        assert_eq!(digest.to_hex().parse(), Ok(digest));
        for bad in
            ["", "00", &digest.to_hex().to_uppercase(), &format!("{digest}0"), &format!("é{}", &digest.to_hex()[2..])]
        {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
