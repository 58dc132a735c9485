//! Public keys and their fingerprints. A key's form is checked here; whose it is, only a signature can say
//! (an all-zero X-Wing key is well-formed).

use std::fmt;

use ed25519_dalek::VerifyingKey;

use crate::bytes::{Signature, fixed_bytes};
use crate::cbor;
use crate::suite::{ALG_ED25519, ALG_XWING};

/// Bytes of an X-Wing public key: ML-KEM-768 (1184), then X25519 (32).
pub const KEM_PUBLIC_BYTES: usize = 1216;

/// Not a key of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid public key of this kind")]
pub struct KeyError;

fixed_bytes! {
    /// BLAKE3-256 of CBOR `["siegel/1/key", algorithm, key bytes]`. Shown to people as eight groups of five digits.
    Fingerprint(32);
}

impl Fingerprint {
    fn of(alg: u16, key: &[u8]) -> Self {
        let tuple = ("siegel/1/key", alg, <&minicbor::bytes::ByteSlice>::from(key));
        Self::from_bytes(*blake3::hash(&cbor::encode(&tuple)).as_bytes())
    }
}

/// The form to compare aloud: each 4 bytes, as a big-endian number, modulo 100,000. 132 bits of the fingerprint
/// survive, and digits are the same in every language.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.as_bytes().chunks_exact(4).enumerate() {
            let number = group.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
            write!(f, "{}{:05}", if place == 0 { "" } else { " " }, number % 100_000)?;
        }
        Ok(())
    }
}

/// An Ed25519 public key that is a point and not of small order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SigningPublicKey([u8; 32]);

impl SigningPublicKey {
    /// Checks the form: a point on the curve, and not one of the eight that verify anything.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError)?;
        if key.is_weak() { Err(KeyError) } else { Ok(Self(bytes)) }
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(ALG_ED25519, &self.0)
    }

    /// Whether `signature` over `message` is by this key. Strict: no malleable S, no small-order R or key.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Debug for SigningPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningPublicKey({})", crate::bytes::to_hex(&self.0))
    }
}

impl<C> minicbor::Encode<C> for SigningPublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for SigningPublicKey {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("wrong length"))?;
        Self::from_bytes(bytes).map_err(|_| minicbor::decode::Error::message("not a signing key"))
    }
}

/// An X-Wing public key. Boxed, because it is long and travels in enums.
#[derive(Clone, PartialEq, Eq)]
pub struct KemPublicKey(Box<[u8; KEM_PUBLIC_BYTES]>);

impl KemPublicKey {
    /// Takes exactly 1,216 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; KEM_PUBLIC_BYTES] = bytes.try_into().map_err(|_| KeyError)?;
        Ok(Self(Box::new(bytes)))
    }

    /// The 1,216 bytes.
    pub fn as_bytes(&self) -> &[u8; KEM_PUBLIC_BYTES] {
        &self.0
    }

    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(ALG_XWING, &self.0[..])
    }
}

impl fmt::Debug for KemPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KemPublicKey({})", self.fingerprint().to_hex())
    }
}

impl<C> minicbor::Encode<C> for KemPublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0[..])?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for KemPublicKey {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::from_slice(d.bytes()?).map_err(|_| minicbor::decode::Error::message("wrong length"))
    }
}
