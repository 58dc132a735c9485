//! The platform's own signatures: receipts, tombstones, key statements, checkpoints. An Ed25519 key whose seed lies in
//! the secrets port; verifying is `siegel_envelope`'s business.

use ed25519_dalek::{Signer as _, SigningKey};
use siegel_envelope::bytes::Signature;
use siegel_envelope::keys::SigningPublicKey;
use siegel_envelope::signed::{Signable, Signed};

use crate::secrets::{KEY_BYTES, SealError, Secrets, SecretsError};

/// The key of everything the platform states to clients: receipts, tombstones, key statements, checkpoints. One for all
/// services: `GET /v1/info` publishes it as `statement_key`.
pub const STATEMENTS: &str = "sign/statements";

/// Signs for the platform. Its `Debug` shows the public key alone.
pub struct Signer {
    key: SigningKey,
    public: SigningPublicKey,
}

impl Signer {
    /// The signer of that name; its key is drawn and kept at the first call. What clients verify is
    /// signed by [`STATEMENTS`].
    pub async fn load(secrets: &Secrets, name: &str) -> Result<Self, SecretsError> {
        let seed = secrets.get_or_create(name, KEY_BYTES).await?;
        let key = SigningKey::from_bytes(seed.as_slice().try_into().map_err(|_| SealError)?);
        let public = SigningPublicKey::from_bytes(key.verifying_key().to_bytes()).map_err(|_| SealError)?;
        Ok(Self { key, public })
    }

    /// The public key, as `/v1/keys` publishes it.
    pub const fn public_key(&self) -> &SigningPublicKey {
        &self.public
    }

    /// `value`, signed. `to_bytes` of the result is what is stored and sent.
    pub fn sign<T: Signable>(&self, value: T) -> Signed<T> {
        Signed::sign_with(value, &self.public, |body| Signature::from_bytes(self.key.sign(body).to_bytes()))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.public.fingerprint()).finish()
    }
}
