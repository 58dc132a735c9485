//! Signed objects. The body is CBOR `[domain string, algorithm, object]`, signed as it stands; so a signature over one
//! kind of object can't pass for another, and an unknown algorithm is seen before anything is believed.
//!
//! On the wire: CBOR map `{0: algorithm, 1: signer's fingerprint, 2: body bytes, 3: signature}`.

use std::ops::Deref;

use minicbor::{Decode, Encode};

use crate::bytes::{Digest, Signature};
use crate::cbor::{self, Blob, DecodeError};
use crate::keys::{Fingerprint, SigningPublicKey};
use crate::suite::{ALG_ED25519, UnknownSuite};

/// Bytes around a body: map head, algorithm, fingerprint, signature and their heads, generously.
pub const OVERHEAD_BYTES: usize = 160;

/// An object that can be signed.
pub trait Signable: Encode<()> + for<'b> Decode<'b, ()> {
    /// The first word of the body, `siegel/1/…`; names the kind and its version.
    const DOMAIN: &'static str;
    /// Most bytes a body of this kind has.
    const MAX_BYTES: usize;

    /// The rules that the types alone can't hold.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// A rule of the object that does not hold, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Made for a suite of the future.
    #[error(transparent)]
    Suite(#[from] UnknownSuite),
    /// Anything else.
    #[error("{0}")]
    Rule(&'static str),
}

/// Why a signed object is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Signed by another key than the one it was checked against.
    #[error("signed by another key")]
    Signer,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    Signature,
    /// An algorithm this version does not know.
    #[error("signed with algorithm {0}, which this version does not know; a newer version is needed")]
    Algorithm(u16),
    /// A well-signed object of another kind or version.
    #[error("an object of another kind or version")]
    Kind,
    /// Not readable, or not canonical.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Readable, but against its own rules.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// The bytes that are signed for `value`.
pub fn body_of<T: Signable>(value: &T) -> Vec<u8> {
    cbor::encode(&(T::DOMAIN, ALG_ED25519, value))
}

fn read_body<T: Signable>(alg: u16, body: &[u8]) -> Result<T, VerifyError> {
    if alg != ALG_ED25519 {
        return Err(VerifyError::Algorithm(alg));
    }
    let mut head = minicbor::Decoder::new(body);
    let domain = head.array().ok().and_then(|_| head.str().ok()).ok_or(DecodeError::Malformed)?;
    if domain != T::DOMAIN {
        return Err(VerifyError::Kind);
    }
    let (_, inner_alg, value) = cbor::decode::<(String, u16, T)>(body, T::MAX_BYTES)?;
    if inner_alg != alg {
        return Err(VerifyError::Algorithm(inner_alg));
    }
    value.validate()?;
    Ok(value)
}

/// A signed object as it travels and is stored. Reading it proves nothing; [`SignedBytes::open`] does.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SignedBytes {
    /// The signature algorithm; the body repeats it.
    #[n(0)]
    pub alg: u16,
    /// The key that is said to have signed.
    #[n(1)]
    pub signer: Fingerprint,
    /// The signed bytes.
    #[n(2)]
    pub body: Blob,
    /// The signature over `body`.
    #[n(3)]
    pub signature: Signature,
}

impl SignedBytes {
    /// Reads the outer form, of at most `max_body` body bytes.
    pub fn from_bytes(bytes: &[u8], max_body: usize) -> Result<Self, DecodeError> {
        cbor::decode(bytes, max_body + OVERHEAD_BYTES)
    }

    /// The same, bounded as objects of type `T` are.
    pub fn from_bytes_of<T: Signable>(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::from_bytes(bytes, T::MAX_BYTES)
    }

    /// The wire form; for an object that was read, exactly the bytes it was read from.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// BLAKE3-256 of the wire form.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The object, if `key` signed it, it is of this kind, canonical and keeps its rules.
    pub fn open<T: Signable>(&self, key: &SigningPublicKey) -> Result<T, VerifyError> {
        if self.alg != ALG_ED25519 {
            return Err(VerifyError::Algorithm(self.alg));
        }
        if self.signer != key.fingerprint() {
            return Err(VerifyError::Signer);
        }
        if !key.verifies(&self.body.0, &self.signature) {
            return Err(VerifyError::Signature);
        }
        read_body(self.alg, &self.body.0)
    }

    /// The object **without** checking the signature: to learn whose key to check it against, for nothing else.
    pub fn peek<T: Signable>(&self) -> Result<T, VerifyError> {
        read_body(self.alg, &self.body.0)
    }
}

/// An object together with the signed form it was made or verified from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    value: T,
    bytes: SignedBytes,
}

impl<T: Signable> Signed<T> {
    /// Signs `value` with the holder of `key`; `sign` returns the Ed25519 signature over the bytes it is given.
    /// The secret stays with the caller, since this crate has none.
    pub fn sign_with(value: T, key: &SigningPublicKey, sign: impl FnOnce(&[u8]) -> Signature) -> Self {
        let body = body_of(&value);
        let signature = sign(&body);
        let bytes = SignedBytes { alg: ALG_ED25519, signer: key.fingerprint(), body: Blob(body), signature };
        Self { value, bytes }
    }

    /// Reads and verifies the wire form.
    pub fn open(bytes: &[u8], key: &SigningPublicKey) -> Result<Self, VerifyError> {
        let bytes = SignedBytes::from_bytes_of::<T>(bytes)?;
        Ok(Self { value: bytes.open(key)?, bytes })
    }

    /// The signed form.
    pub const fn bytes(&self) -> &SignedBytes {
        &self.bytes
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.to_bytes()
    }

    /// The object alone.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for Signed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
