//! The platform's own signatures: receipts, tombstones, key statements, checkpoints. An Ed25519 key whose seed lies in
//! the secrets port; verifying is `siegel_envelope`'s business.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::secrets::{KEY_BYTES, Secrets, SecretsError};

/// Signs for the platform. Its `Debug` shows the public key alone.
pub struct Signer {
    key: SigningKey,
}

impl Signer {
    /// The signer of that name; its key is drawn and kept at the first call. One name per purpose, for example
    /// `sign/receipts`.
    pub fn load(secrets: &Secrets, name: &str) -> Result<Self, SecretsError> {
        let seed = secrets.get_or_create(name, KEY_BYTES)?;
        let seed = seed.as_slice().try_into().map_err(|_| crate::secrets::SealError)?;
        Ok(Self { key: SigningKey::from_bytes(seed) })
    }

    /// The public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The signature over `bytes`.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.key.verifying_key()).finish()
    }
}
