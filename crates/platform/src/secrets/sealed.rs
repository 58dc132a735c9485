//! The embedded adapter: every secret in one file, sealed under a key that lies elsewhere (a key file on another disk, a
//! credential); a backup of the state directory alone opens nothing.
//!
//! Several processes may stand on one file: each change is made under a lock to what the file holds by then, and each
//! question looks first whether another process has replaced the file (one `stat`, no read).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use siegel_domain::TenantId;
use zeroize::Zeroizing;

use super::seal;
use super::{Key, Secret, SecretsError, data_key_name, file, key_of};
use crate::rng::Rng;

/// Every secret by its name.
pub(super) type Map = BTreeMap<String, Secret>;

/// The file, and what was read of it.
pub(super) struct SealedFile {
    path: PathBuf,
    file_key: Key,
    rng: Arc<dyn Rng>,
    known: Mutex<Known>,
    /// How often another process was seen to have changed the file.
    generation: AtomicU64,
}

/// What was read, and of which file.
struct Known {
    map: Map,
    stamp: Option<file::Stamp>,
}

impl SealedFile {
    pub(super) fn open(path: &Path, key_file: &Path, rng: Arc<dyn Rng>) -> Result<Self, SecretsError> {
        let _alone = file::lock(path)?;
        let (file_key, map) = file::open_or_create(path, key_file, &*rng)?;
        let known = Mutex::new(Known { map, stamp: file::stamp(path) });
        Ok(Self { path: path.to_owned(), file_key, rng, known, generation: AtomicU64::new(0) })
    }

    /// Another number than before if another process has changed the file since: what was opened by then may have been
    /// destroyed.
    pub(super) fn generation(&self) -> u64 {
        let _known = self.known();
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn get(&self, name: &str) -> Option<Secret> {
        self.known().map.get(name).cloned()
    }

    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        self.known().map.keys().filter(|name| name.starts_with(folder)).cloned().collect()
    }

    pub(super) fn put(&self, name: &str, secret: &[u8]) -> Result<(), SecretsError> {
        self.change(|map| {
            map.insert(name.to_owned(), Zeroizing::new(secret.to_vec()));
        })
    }

    pub(super) fn put_new(&self, name: &str, secret: &[u8]) -> Result<Secret, SecretsError> {
        self.change(|map| map.entry(name.to_owned()).or_insert_with(|| Zeroizing::new(secret.to_vec())).clone())
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), SecretsError> {
        if self.get(name).is_none() {
            return Ok(());
        }
        self.change(|map| {
            map.remove(name);
        })
    }

    pub(super) fn has_tenant_key(&self, tenant: TenantId) -> bool {
        self.known().map.contains_key(&tenant_key_name(tenant))
    }

    pub(super) fn create_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        if self.has_tenant_key(tenant) {
            return Ok(());
        }
        let data_key: Key = Zeroizing::new(self.rng.bytes());
        let (tenant_key, sealed) = self.tenant_key_around(tenant, &data_key);
        self.change(|map| {
            // Of two at once the first wins, whole.
            if !map.contains_key(&tenant_key_name(tenant)) {
                map.insert(tenant_key_name(tenant), tenant_key);
                map.insert(data_key_name(tenant), sealed);
            }
        })
    }

    /// A new tenant key around the same data key. The old one is overwritten: nothing but the data key was under it.
    pub(super) fn rotate_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        let data_key = self.data_key(tenant)?;
        let (tenant_key, sealed) = self.tenant_key_around(tenant, &data_key);
        self.change(|map| match map.get_mut(&tenant_key_name(tenant)) {
            // Destroyed meanwhile: it stays so.
            None => Err(SecretsError::NoTenantKey),
            Some(there) => {
                *there = tenant_key;
                map.insert(data_key_name(tenant), sealed);
                Ok(())
            }
        })?
    }

    pub(super) fn destroy_tenant_key(&self, tenant: TenantId) -> Result<(), SecretsError> {
        self.change(|map| {
            map.remove(&tenant_key_name(tenant));
            map.remove(&data_key_name(tenant));
        })
    }

    pub(super) fn data_key(&self, tenant: TenantId) -> Result<Key, SecretsError> {
        let known = self.known();
        let tenant_key = key_of(known.map.get(&tenant_key_name(tenant)).ok_or(SecretsError::NoTenantKey)?)?;
        let sealed = known.map.get(&data_key_name(tenant)).ok_or(SecretsError::NoTenantKey)?;
        Ok(key_of(&seal::open(&tenant_key, &data_key_aad(tenant), sealed)?)?)
    }

    fn tenant_key_around(&self, tenant: TenantId, data_key: &Key) -> (Secret, Secret) {
        let tenant_key: Key = Zeroizing::new(self.rng.bytes());
        let sealed = seal::seal(&*self.rng, &tenant_key, &data_key_aad(tenant), &**data_key);
        (Zeroizing::new(tenant_key.to_vec()), Zeroizing::new(sealed))
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

    /// Takes over what another process has written, if any has.
    fn reread(&self, known: &mut Known) -> Result<(), SecretsError> {
        let stamp = file::stamp(&self.path);
        if stamp != known.stamp {
            *known = Known { map: file::read_map(&self.path, &self.file_key)?, stamp };
            self.generation.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tenant_key_name(tenant: TenantId) -> String {
    format!("tenant/{tenant}/key")
}

fn data_key_aad(tenant: TenantId) -> Vec<u8> {
    seal::aad(&["siegel/1/data-key", &tenant.to_string()])
}
