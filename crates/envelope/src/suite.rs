//! Algorithm suites and signature algorithms by number. There is one of each; an unknown number is refused with a
//! sentence, never guessed at, so that an old client fails clearly and a server can't talk anyone down.

/// The id of a suite as it stands in an object. Any number can be read; only [`Suite::ONE`] is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Suite(#[n(0)] pub u16);

/// A suite this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed with suite {0}, which this version does not know; a newer version is needed")]
pub struct UnknownSuite(pub u16);

impl Suite {
    /// HPKE Base with X-Wing (0x647a), HKDF-SHA256 and AES-256-GCM; Ed25519; BLAKE3-256; AES-256-GCM chunks.
    pub const ONE: Self = Self(1);

    /// Passes if the suite is known.
    pub const fn known(self) -> Result<(), UnknownSuite> {
        if self.0 == Self::ONE.0 { Ok(()) } else { Err(UnknownSuite(self.0)) }
    }
}

/// Ed25519, verified strictly. A hybrid with ML-DSA gets the next number and a longer signature.
pub const ALG_ED25519: u16 = 1;
/// X-Wing, by its HPKE KEM id.
pub const ALG_XWING: u16 = 0x647a;
