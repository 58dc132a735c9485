//! Keys of the platform: signing seeds, login set-ups, tenant keys. The embedded form is one file, sealed under a key
//! that lies elsewhere (a key file on another disk, a credential); a backup of the state directory alone opens nothing.
//!
//! Several processes may stand on one file: each change is made under a lock to what the file holds by then, and each
//! question looks first whether another process has replaced the file (one `stat`, no read).
//!
//! A tenant has a **tenant key**; a data key sealed under it wraps the tenant's rows ([`Secrets::wrap`]) and is kept
//! open for at most five minutes. Destroying the tenant key makes everything under it unreadable at once.

mod file;
mod seal;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use siegel_domain::TenantId;
use zeroize::Zeroizing;

use crate::clock::SharedClock;
use crate::rng::Rng;

pub use file::SecretsError;
pub use seal::{KEY_BYTES, SealError, SecondLayer};

/// An open data key is forgotten after this.
const DATA_KEY_MS: i64 = 5 * 60 * 1_000;
/// First byte of what [`Secrets::wrap`] makes; another value is refused.
const WRAPPED_V1: u8 = 1;

/// Bytes that are overwritten when dropped.
pub type Secret = Zeroizing<Vec<u8>>;
/// Every secret by its name.
type Map = BTreeMap<String, Secret>;

/// The platform's secrets.
pub struct Secrets {
    path: PathBuf,
    file_key: Zeroizing<[u8; KEY_BYTES]>,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
    known: Mutex<Known>,
    data_keys: Mutex<HashMap<TenantId, DataKey>>,
}

/// What was read, and of which file.
struct Known {
    map: Map,
    stamp: Option<file::Stamp>,
}

struct DataKey {
    key: Zeroizing<[u8; KEY_BYTES]>,
    until_ms: i64,
}

impl Secrets {
    /// Opens the sealed file at `path` with the key in `key_file`, or makes both at a first start. A damaged file, a
    /// key that does not fit, and a state directory whose secrets are gone are errors with a sentence for people.
    pub fn open(path: &Path, key_file: &Path, clock: SharedClock, rng: Arc<dyn Rng>) -> Result<Self, SecretsError> {
        let _alone = file::lock(path)?;
        let (file_key, map) = file::open_or_create(path, key_file, &*rng)?;
        let known = Mutex::new(Known { map, stamp: file::stamp(path) });
        Ok(Self { path: path.to_owned(), file_key, clock, rng, known, data_keys: Mutex::default() })
    }

    /// The secret of that name.
    pub fn get(&self, name: &str) -> Option<Secret> {
        self.known().map.get(name).cloned()
    }

    /// The names of all secrets; no name holds anything secret.
    pub fn names(&self) -> Vec<String> {
        self.known().map.keys().cloned().collect()
    }

    /// Stores a secret, replacing one of the same name. Durable when this returns.
    pub fn put(&self, name: &str, secret: &[u8]) -> Result<(), SecretsError> {
        self.change(|map| {
            map.insert(name.to_owned(), Zeroizing::new(secret.to_vec()));
        })
    }

    /// Stores a secret unless there is one of that name; the one that is there then, whichever process came first.
    pub fn put_new(&self, name: &str, secret: &[u8]) -> Result<Secret, SecretsError> {
        self.change(|map| map.entry(name.to_owned()).or_insert_with(|| Zeroizing::new(secret.to_vec())).clone())
    }

    /// The secret of that name; drawn and stored if there is none.
    pub fn get_or_create(&self, name: &str, length: usize) -> Result<Secret, SecretsError> {
        if let Some(secret) = self.get(name) {
            return Ok(secret);
        }
        let mut drawn = Zeroizing::new(vec![0; length]);
        self.rng.fill(&mut drawn);
        self.change(|map| map.entry(name.to_owned()).or_insert(drawn).clone())
    }

    /// Removes a secret; nothing happens if there is none.
    pub fn delete(&self, name: &str) -> Result<(), SecretsError> {
        if self.get(name).is_none() {
            return Ok(());
        }
        self.change(|map| {
            map.remove(name);
        })
    }

    /// Whether a tenant has a key.
    pub fn has_tenant_key(&self, tenant: TenantId) -> bool {
        self.known().map.contains_key(&tenant_key_name(tenant))
    }

    /// Makes a tenant's key, unless it has one.
    pub fn create_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        if self.get(&tenant_key_name(tenant)).is_some() {
            return Ok(());
        }
        let tenant_key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(self.rng.bytes());
        let data_key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(self.rng.bytes());
        let sealed = seal::seal(&*self.rng, &tenant_key, &data_key_aad(tenant), &*data_key);
        self.change(|map| {
            // Of two at once the first wins, whole.
            if !map.contains_key(&tenant_key_name(tenant)) {
                map.insert(tenant_key_name(tenant), Zeroizing::new(tenant_key.to_vec()));
                map.insert(data_key_name(tenant), Zeroizing::new(sealed));
            }
        })
    }

    /// Destroys a tenant's key: nothing that was wrapped for it opens again. May be repeated.
    pub fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        self.change(|map| {
            map.remove(&tenant_key_name(tenant));
            map.remove(&data_key_name(tenant));
        })?;
        self.data_keys().remove(&tenant);
        Ok(())
    }

    /// Seals `plaintext` for a tenant; `place` names where it will lie, as in [`SecondLayer::seal`].
    pub async fn wrap(&self, tenant: TenantId, place: &[&str], plaintext: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let key = self.data_key(tenant)?;
        let mut wrapped = vec![WRAPPED_V1];
        wrapped.extend(seal::seal(&*self.rng, &key, &seal::aad(place), plaintext));
        Ok(wrapped)
    }

    /// Opens what [`Secrets::wrap`] made for the same tenant and place.
    pub async fn unwrap(&self, tenant: TenantId, place: &[&str], wrapped: &[u8]) -> Result<Secret, SecretsError> {
        let key = self.data_key(tenant)?;
        match wrapped.split_first() {
            Some((&WRAPPED_V1, sealed)) => Ok(seal::open(&key, &seal::aad(place), sealed)?),
            _ => Err(SealError.into()),
        }
    }

    fn data_key(&self, tenant: TenantId) -> Result<Zeroizing<[u8; KEY_BYTES]>, SecretsError> {
        let known = self.known(); // first: a key that another process destroyed is gone from the cache then
        let now = self.clock.monotonic_ms();
        let mut cache = self.data_keys();
        cache.retain(|_, data_key| now < data_key.until_ms);
        if let Some(data_key) = cache.get(&tenant) {
            return Ok(data_key.key.clone());
        }
        let tenant_key = key_of(known.map.get(&tenant_key_name(tenant)).ok_or(SecretsError::NoTenantKey)?)?;
        let sealed = known.map.get(&data_key_name(tenant)).ok_or(SecretsError::NoTenantKey)?;
        let opened = seal::open(&tenant_key, &data_key_aad(tenant), sealed)?;
        let key = key_of(&opened)?;
        cache.insert(tenant, DataKey { key: key.clone(), until_ms: now + DATA_KEY_MS });
        Ok(key)
    }

    /// Changes a copy of what the file holds now, writes it, and only then takes it over: memory never holds what the disk
    /// does not, and no process undoes what another did.
    fn change<T>(&self, change: impl FnOnce(&mut Map) -> T) -> Result<T, SecretsError> {
        let mut known = self.lock();
        let _alone = file::lock(&self.path)?;
        self.reread(&mut known)?;
        let mut changed = known.map.clone();
        let value = change(&mut changed);
        file::write(&self.path, &self.file_key, &changed, &*self.rng)?;
        *known = Known { map: changed, stamp: file::stamp(&self.path) };
        Ok(value)
    }

    /// What is in the file now. A file that can't be read (it was damaged while we ran) leaves what was read before.
    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.lock();
        if let Err(error) = self.reread(&mut known) {
            tracing::error!(%error, "the secrets were changed by another process and can't be read");
        }
        known
    }

    /// Takes over what another process has written, if any has. Data keys that were open are forgotten then: their tenant
    /// keys may be destroyed.
    fn reread(&self, known: &mut Known) -> Result<(), SecretsError> {
        let stamp = file::stamp(&self.path);
        if stamp != known.stamp {
            *known = Known { map: file::read_map(&self.path, &self.file_key)?, stamp };
            self.data_keys().clear();
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn data_keys(&self) -> MutexGuard<'_, HashMap<TenantId, DataKey>> {
        self.data_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(bytes: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealError> {
    Ok(Zeroizing::new(bytes.try_into().map_err(|_| SealError)?))
}

fn tenant_key_name(tenant: TenantId) -> String {
    format!("tenant/{tenant}/key")
}

fn data_key_name(tenant: TenantId) -> String {
    format!("tenant/{tenant}/data-key")
}

fn data_key_aad(tenant: TenantId) -> Vec<u8> {
    seal::aad(&["siegel/1/data-key", &tenant.to_string()])
}
