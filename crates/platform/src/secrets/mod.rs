//! Keys of the platform: signing seeds, login set-ups, tenant keys, credentials. Everybody holds one type, [`Secrets`];
//! where the secrets lie is known to its adapter alone:
//!
//! ```text
//! Secrets ─┬─ cache       what is open, for at most five minutes
//!          ├─ sealed      one file, sealed under a key that lies elsewhere ── file: its bytes
//!          └─ vault       Vault or OpenBao: KV for names, transit for tenant keys (feature `real`)
//! ```
//!
//! A tenant has a **tenant key**; a data key sealed under it wraps the tenant's rows ([`Secrets::wrap`]) and is kept open
//! for at most five minutes: never a remote call per row. Destroying the tenant key makes everything under it unreadable, at
//! once in the process that destroyed it and after these five minutes in all others. While the store is away, keys that are
//! open go on until their time is over, and then nothing is had ([`SecretsError::Unavailable`], a 503) until it is back.
//!
//! What every adapter keeps is written down in [`contract`], which runs on all of them.

mod cache;
pub mod contract;
mod error;
mod file;
mod metrics;
mod seal;
mod sealed;
#[cfg(feature = "real")]
mod vault;

use std::path::Path;
use std::sync::Arc;

use siegel_domain::TenantId;
use zeroize::Zeroizing;

use crate::clock::SharedClock;
#[cfg(feature = "real")]
use crate::parts::PartEnv;
use crate::rng::Rng;
use cache::{At, Cache};
use sealed::SealedFile;

pub use error::{SecretsError, Unavailable};
pub use metrics::SecretsMetrics;
pub use seal::{KEY_BYTES, SealError, SecondLayer};
#[cfg(feature = "real")]
pub use vault::{SignIn, VaultSettings};

/// First byte of what [`Secrets::wrap`] makes; another value is refused.
const WRAPPED_V1: u8 = 1;

/// Bytes that are overwritten when dropped.
pub type Secret = Zeroizing<Vec<u8>>;
/// An open key.
type Key = Zeroizing<[u8; KEY_BYTES]>;

/// The platform's secrets.
pub struct Secrets {
    store: Store,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
    data_keys: Cache<TenantId, Key>,
    recent: Cache<String, Secret>,
}

/// Where they lie.
enum Store {
    File(SealedFile),
    #[cfg(feature = "real")]
    Vault(vault::Vault),
}

/// The same question to whichever adapter it is.
macro_rules! ask {
    ($self:ident, $store:ident => $file:expr, $vault:expr) => {
        match &$self.store {
            Store::File($store) => $file,
            #[cfg(feature = "real")]
            Store::Vault($store) => $vault,
        }
    };
}

impl Secrets {
    /// Opens the sealed file at `path` with the key in `key_file`, or makes both at a first start. A damaged file, a
    /// key that does not fit, and a state directory whose secrets are gone are errors with a sentence for people.
    pub fn open(path: &Path, key_file: &Path, clock: SharedClock, rng: Arc<dyn Rng>) -> Result<Self, SecretsError> {
        let store = Store::File(SealedFile::open(path, key_file, rng.clone())?);
        Ok(Self::on(store, clock, rng))
    }

    /// Signs in to Vault or OpenBao and keeps being signed in until shutdown.
    #[cfg(feature = "real")]
    pub async fn open_vault(settings: VaultSettings, env: PartEnv) -> Result<Self, SecretsError> {
        let (clock, rng) = (env.clock.clone(), env.rng.clone());
        Ok(Self::on(Store::Vault(vault::Vault::open(settings, env).await?), clock, rng))
    }

    fn on(store: Store, clock: SharedClock, rng: Arc<dyn Rng>) -> Self {
        Self { store, clock, rng, data_keys: Cache::default(), recent: Cache::default() }
    }

    /// Where the password of a role in PostgreSQL lies, by the schema that it owns.
    pub fn of_role(schema: &str) -> String {
        format!("postgres/{schema}")
    }

    /// Where the password of a service's user at Kafka lies, once it was replaced.
    pub fn of_kafka_user(service: &str) -> String {
        format!("kafka/{service}")
    }

    /// The secret of that name, as it is now.
    pub async fn get(&self, name: &str) -> Result<Option<Secret>, SecretsError> {
        ask!(self, store => Ok(store.get(name)), store.get(name).await)
    }

    /// The secret of that name as it was at most five minutes ago: for credentials that are used again and again. Whoever
    /// replaces one lets the old one be good for these five minutes; whoever is refused with one says so with
    /// [`Secrets::forget`] and asks again.
    pub async fn recent(&self, name: &str) -> Result<Option<Secret>, SecretsError> {
        if let Some(secret) = self.recent.get(name, self.at()) {
            return Ok(Some(secret));
        }
        let _alone = self.recent.alone(name).await;
        let at = self.at();
        if let Some(secret) = self.recent.get(name, at) {
            return Ok(Some(secret));
        }
        let secret = self.get(name).await?;
        if let Some(secret) = &secret {
            self.recent.put(name.to_owned(), secret.clone(), at);
        }
        Ok(secret)
    }

    /// Asks anew at the next [`Secrets::recent`].
    pub fn forget(&self, name: &str) {
        self.recent.remove(name);
    }

    /// The names that begin with `folder`, which is empty or ends with `/`; no name holds anything secret.
    pub async fn names(&self, folder: &str) -> Result<Vec<String>, SecretsError> {
        ask!(self, store => Ok(store.names(folder)), store.names(folder).await)
    }

    /// Stores a secret, replacing one of the same name. Durable when this returns.
    pub async fn put(&self, name: &str, secret: &[u8]) -> Result<(), SecretsError> {
        ask!(self, store => store.put(name, secret), store.put(name, secret).await)?;
        self.forget(name);
        Ok(())
    }

    /// Stores a secret unless there is one of that name; the one that is there then, whichever process came first.
    pub async fn put_new(&self, name: &str, secret: &[u8]) -> Result<Secret, SecretsError> {
        ask!(self, store => store.put_new(name, secret), store.put_new(name, secret).await)
    }

    /// The secret of that name; drawn and stored if there is none.
    pub async fn get_or_create(&self, name: &str, length: usize) -> Result<Secret, SecretsError> {
        if let Some(secret) = self.get(name).await? {
            return Ok(secret);
        }
        self.put_new(name, &self.drawn(length)).await
    }

    /// Draws another secret of that name and stores it in the place of the one that was there.
    pub async fn draw(&self, name: &str, length: usize) -> Result<Secret, SecretsError> {
        let drawn = self.drawn(length);
        self.put(name, &drawn).await?;
        Ok(drawn)
    }

    fn drawn(&self, length: usize) -> Secret {
        let mut drawn = Zeroizing::new(vec![0; length]);
        self.rng.fill(&mut drawn);
        drawn
    }

    /// Removes a secret; nothing happens if there is none.
    pub async fn delete(&self, name: &str) -> Result<(), SecretsError> {
        ask!(self, store => store.delete(name), store.delete(name).await)?;
        self.forget(name);
        Ok(())
    }

    /// Whether a tenant has a key.
    pub async fn has_tenant_key(&self, tenant: TenantId) -> Result<bool, SecretsError> {
        ask!(self, store => Ok(store.has_tenant_key(tenant)), store.has_tenant_key(tenant).await)
    }

    /// Makes a tenant's key, unless it has one.
    pub async fn create_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        ask!(self, store => store.create_tenant_key(tenant), store.create_tenant_key(tenant).await)
    }

    /// A new version of a tenant's key. Everything that was wrapped opens as before, in every process: the data key stays
    /// the same and lies under the new version. May be repeated. The old version is good until
    /// [`Secrets::trim_tenant_key`].
    pub async fn rotate_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        ask!(self, store => store.rotate_tenant_key(tenant), store.rotate_tenant_key(tenant).await)
    }

    /// Destroys all versions of a tenant's key but the newest, some time after it was rotated. May be repeated.
    pub async fn trim_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        ask!(self, store => store.data_key(tenant).map(drop), store.trim_tenant_key(tenant).await)
    }

    /// Destroys a tenant's key: nothing that was wrapped for it opens again. May be repeated.
    pub async fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        let _alone = self.data_keys.alone(&tenant).await;
        self.data_keys.remove(&tenant);
        ask!(self, store => store.destroy_tenant_key(tenant), store.destroy_tenant_key(tenant).await)
    }

    /// Seals `plaintext` for a tenant; `place` names where it will lie, as in [`SecondLayer::seal`].
    pub async fn wrap(&self, tenant: TenantId, place: &[&str], plaintext: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let key = self.data_key(tenant).await?;
        let mut wrapped = vec![WRAPPED_V1];
        wrapped.extend(seal::seal(&*self.rng, &key, &seal::aad(place), plaintext));
        Ok(wrapped)
    }

    /// Opens what [`Secrets::wrap`] made for the same tenant and place.
    pub async fn unwrap(&self, tenant: TenantId, place: &[&str], wrapped: &[u8]) -> Result<Secret, SecretsError> {
        let key = self.data_key(tenant).await?;
        match wrapped.split_first() {
            Some((&WRAPPED_V1, sealed)) => Ok(seal::open(&key, &seal::aad(place), sealed)?),
            _ => Err(SealError.into()),
        }
    }

    async fn data_key(&self, tenant: TenantId) -> Result<Key, SecretsError> {
        if let Some(key) = self.data_keys.get(&tenant, self.at()) {
            return Ok(key);
        }
        let _alone = self.data_keys.alone(&tenant).await;
        let at = self.at();
        if let Some(key) = self.data_keys.get(&tenant, at) {
            return Ok(key);
        }
        let key = ask!(self, store => store.data_key(tenant), store.data_key(tenant).await)?;
        self.data_keys.put(tenant, key.clone(), at);
        Ok(key)
    }

    /// Now, and the state of the store: asked before the store is, so that what is opened is never taken for newer than it is.
    fn at(&self) -> At {
        let generation = ask!(self, store => store.generation(), { let _ = store; 0 });
        At { now_ms: self.clock.monotonic_ms(), generation }
    }
}

fn key_of(bytes: &[u8]) -> Result<Key, SealError> {
    Ok(Zeroizing::new(bytes.try_into().map_err(|_| SealError)?))
}

fn data_key_name(tenant: TenantId) -> String {
    format!("tenant/{tenant}/data-key")
}
