//! Secret keys and how they come from each other. A 32-byte HKDF output is an X-Wing private key as it is.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::Signer;
use rand_core::CryptoRng;
use siegel_domain::TenantId;
use siegel_envelope::epoch::EpochStatement;
use siegel_envelope::{Fingerprint, KemPublicKey, Signable, Signature, Signed, SigningPublicKey};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::{hpke_box, kdf};

/// An Ed25519 private key.
#[derive(Clone)]
pub struct SigningSecretKey(Box<ed25519_dalek::SigningKey>);

impl SigningSecretKey {
    /// From the 32-byte seed of RFC 8032.
    pub fn from_seed(seed: &Secret<32>) -> Self {
        Self(Box::new(ed25519_dalek::SigningKey::from_bytes(seed.expose())))
    }

    /// The public half.
    pub fn public(&self) -> SigningPublicKey {
        SigningPublicKey::from_bytes(self.0.verifying_key().to_bytes())
            .expect("a clamped scalar times the base point is a point and never of small order")
    }

    /// The public half's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.public().fingerprint()
    }

    /// Signs bytes as they are. Objects go through [`SigningSecretKey::sign`].
    pub fn sign_bytes(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(message).to_bytes())
    }

    /// Signs an object.
    pub fn sign<T: Signable>(&self, value: T) -> Signed<T> {
        Signed::sign_with(value, &self.public(), |body| self.sign_bytes(body))
    }

    fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SigningSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// An X-Wing private key.
#[derive(Debug, Clone)]
pub struct KemSecretKey(pub(crate) Secret<32>);

impl KemSecretKey {
    /// From 32 random or derived bytes.
    pub fn from_seed(seed: Secret<32>) -> Self {
        Self(seed)
    }

    /// The 32 bytes.
    pub const fn seed(&self) -> &Secret<32> {
        &self.0
    }

    /// The public half; takes about 0.1 ms.
    pub fn public(&self) -> KemPublicKey {
        hpke_box::public_key(&self.0)
    }
}

/// The keys of a device: a member's, a sender's, or (the signing key alone) a dealer's.
#[derive(Debug, Clone)]
pub struct DeviceKeys {
    /// Signs manifests, grants, roster entries, challenges and DPoP proofs.
    pub sign: SigningSecretKey,
    /// Opens slots, resume states and, for a sender, its records.
    pub kem: KemSecretKey,
}

impl DeviceKeys {
    /// Bytes of the stored form.
    pub const LEN: usize = 64;

    /// Fresh keys.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let sign = SigningSecretKey::from_seed(&Secret::generate(rng));
        Self { sign, kem: KemSecretKey(Secret::generate(rng)) }
    }

    /// From the stored form; none if it has another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let (sign, kem) = bytes.split_at(32);
        let sign = SigningSecretKey::from_seed(&Secret::from_slice(sign)?);
        Some(Self { sign, kem: KemSecretKey(Secret::from_slice(kem)?) })
    }

    /// The stored form: signing seed, then X-Wing seed.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(Self::LEN));
        out.extend_from_slice(self.sign.seed());
        out.extend_from_slice(self.kem.0.expose());
        out
    }
}

/// A member's root: lies in slots, never in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRoot(pub(crate) Secret<32>);

impl UserRoot {
    /// A fresh root.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::generate(rng))
    }

    /// From the 32 bytes that an agent holds.
    pub fn from_secret(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// The 32 bytes.
    pub fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// The member's X-Wing key: HKDF with info `["siegel/1/user-key"]`.
    pub fn user_key(&self) -> KemSecretKey {
        KemSecretKey(kdf::derive(self.0.expose(), b"", &("siegel/1/user-key",)))
    }
}

/// The seed of one epoch of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochSeed {
    tenant: TenantId,
    number: u64,
    seed: Secret<32>,
}

impl EpochSeed {
    /// A fresh seed for epoch `number`.
    pub fn generate(tenant: TenantId, number: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self { tenant, number, seed: Secret::generate(rng) }
    }

    /// From 32 bytes of a bundle.
    pub fn from_secret(tenant: TenantId, number: u64, seed: Secret<32>) -> Self {
        Self { tenant, number, seed }
    }

    /// The tenant.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The epoch's number.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The 32 bytes.
    pub const fn secret(&self) -> &Secret<32> {
        &self.seed
    }

    fn derive(&self, domain: &str) -> Secret<32> {
        kdf::derive(self.seed.expose(), b"", &(domain, self.tenant, self.number))
    }

    /// The tenant's X-Wing key in this epoch: HKDF with info `["siegel/1/epoch-inbox", tenant, number]`.
    pub fn inbox_key(&self) -> KemSecretKey {
        KemSecretKey(self.derive("siegel/1/epoch-inbox"))
    }

    /// Makes search tokens: `["siegel/1/epoch-search", …]`.
    pub fn search_key(&self) -> Secret<32> {
        self.derive("siegel/1/epoch-search")
    }

    /// Seals names of members, senders and conversations: `["siegel/1/epoch-labels", …]`.
    pub fn labels_key(&self) -> Secret<32> {
        self.derive("siegel/1/epoch-labels")
    }

    /// Seals the secrets of enrolment codes, so that any member can confirm: `["siegel/1/epoch-invites", …]`.
    pub fn invites_key(&self) -> Secret<32> {
        self.derive("siegel/1/epoch-invites")
    }
}

/// All epochs of a tenant that a member knows, from 1 without gaps; what a bundle opens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochRing {
    tenant: TenantId,
    seeds: BTreeMap<u64, EpochSeed>,
}

impl EpochRing {
    /// The first epoch of a tenant.
    pub fn first(tenant: TenantId, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self { tenant, seeds: BTreeMap::from([(1, EpochSeed::generate(tenant, 1, rng))]) }
    }

    /// The same ring with one more, fresh epoch.
    pub fn with_next(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let number = self.current().number + 1;
        let mut next = self.clone();
        next.seeds.insert(number, EpochSeed::generate(self.tenant, number, rng));
        next
    }

    /// From seeds in order, number 1 first; none if there are none.
    pub fn from_seeds(tenant: TenantId, seeds: impl IntoIterator<Item = Secret<32>>) -> Option<Self> {
        let seeds: BTreeMap<u64, EpochSeed> =
            (1..).zip(seeds).map(|(number, seed)| (number, EpochSeed { tenant, number, seed })).collect();
        (!seeds.is_empty()).then_some(Self { tenant, seeds })
    }

    /// The tenant.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The newest epoch.
    pub fn current(&self) -> &EpochSeed {
        self.seeds.values().next_back().expect("a ring is made with one epoch and none is ever removed")
    }

    /// The epoch of that number.
    pub fn get(&self, number: u64) -> Option<&EpochSeed> {
        self.seeds.get(&number)
    }

    /// All epochs, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &EpochSeed> {
        self.seeds.values()
    }

    /// Whether the newest epoch is the one `statement` publishes: its key is what senders seal to.
    pub fn fits(&self, statement: &EpochStatement) -> bool {
        let current = self.current();
        statement.tenant == self.tenant
            && statement.number == current.number
            && statement.inbox_key == current.inbox_key().public()
    }
}
