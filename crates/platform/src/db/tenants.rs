//! One service's databases, one per tenant, opened when first asked for and closed when idle: a thousand idle tenants
//! hold no connection.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use siegel_domain::TenantId;
use sqlx::migrate::Migrator;
use tokio::sync::OnceCell;

use super::{Db, DbError, DbOptions};
use crate::files;

/// A database that nobody held for this long is closed.
const IDLE_MS: i64 = 5 * 60 * 1_000;
/// The mark in a tenant's directory that says it was provisioned.
pub const READY: &str = "ready";

/// Called after a commit that carried events, with the tenant.
pub type CommitHook = Arc<dyn Fn(TenantId) + Send + Sync>;

/// The directory of a tenant's databases.
pub fn tenant_directory(state_dir: &Path, tenant: TenantId) -> PathBuf {
    state_dir.join("tenants").join(tenant.to_string())
}

/// Makes a tenant's directory and marks it ready. Without the mark no service opens a database for the tenant, so a
/// request with a made-up id never leaves a file behind. May be repeated.
pub fn provision_directory(state_dir: &Path, tenant: TenantId) -> std::io::Result<()> {
    let directory = tenant_directory(state_dir, tenant);
    std::fs::create_dir_all(&directory)?;
    files::replace(&directory.join(READY), b"", files::Visibility::Private)?;
    files::sync_directory(&state_dir.join("tenants"))
}

/// Every tenant that was provisioned below `root`.
pub fn provisioned(root: &Path) -> std::io::Result<Vec<TenantId>> {
    let entries = match std::fs::read_dir(root.join("tenants")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut tenants = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(Ok(tenant)) = entry.file_name().to_str().map(str::parse)
            && entry.path().join(READY).exists()
        {
            tenants.push(tenant);
        }
    }
    tenants.sort_unstable();
    Ok(tenants)
}

/// Databases of one service.
pub struct TenantDbs {
    root: PathBuf,
    service: &'static str,
    migrator: &'static Migrator,
    options: DbOptions,
    open: Mutex<HashMap<TenantId, Slot>>,
    hook: Arc<OnceLock<CommitHook>>,
}

#[derive(Clone)]
struct Slot {
    /// Filled by whoever comes first; the others wait for it.
    db: Arc<OnceCell<Arc<Db>>>,
    used_ms: i64,
}

impl TenantDbs {
    /// The databases `root/tenants/<tenant>/<service>.db`.
    pub fn new(root: &Path, service: &'static str, migrator: &'static Migrator, options: DbOptions) -> Self {
        let open = Mutex::new(HashMap::new());
        Self { root: root.to_owned(), service, migrator, options, open, hook: Arc::default() }
    }

    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Who is told of commits that carried events. Set once, by the log; a second call is ignored.
    pub fn on_commit(&self, hook: CommitHook) {
        let _ = self.hook.set(hook);
    }

    /// The tenant's database; [`DbError::NoSuchTenant`] if it was not provisioned.
    pub async fn get(&self, tenant: TenantId) -> Result<Arc<Db>, DbError> {
        let directory = tenant_directory(&self.root, tenant);
        let slot = {
            let mut open = self.lock();
            let now = self.options.clock.monotonic_ms();
            match open.get_mut(&tenant) {
                Some(slot) => {
                    slot.used_ms = now;
                    slot.clone()
                }
                None if !directory.join(READY).exists() => return Err(DbError::NoSuchTenant),
                None => open.entry(tenant).or_insert(Slot { db: Arc::default(), used_ms: now }).clone(),
            }
        };
        let opening = slot.db.get_or_try_init(async || {
            let path = directory.join(format!("{}.db", self.service));
            let committed = Committed { hook: Some((tenant, self.hook.clone())) };
            Db::open_with(&path, self.migrator, self.options.clone(), committed).await.map(Arc::new)
        });
        opening.await.cloned()
    }

    /// Every tenant that was provisioned. Reads the directory: for sweeps, not for requests.
    pub fn provisioned(&self) -> std::io::Result<Vec<TenantId>> {
        provisioned(&self.root)
    }

    /// How many databases are open.
    pub fn open_count(&self) -> usize {
        self.lock().len()
    }

    /// Closes the databases that nobody holds and nobody asked for in five minutes. Returns how many.
    pub async fn close_idle(&self) -> usize {
        let now = self.options.clock.monotonic_ms();
        self.close_where(|slot| now - slot.used_ms >= IDLE_MS && held_by_us_alone(slot)).await
    }

    /// Closes a tenant's database, whoever holds it: before its files are deleted.
    pub async fn forget(&self, tenant: TenantId) {
        let slot = self.lock().remove(&tenant);
        if let Some(db) = slot.as_ref().and_then(|slot| slot.db.get()) {
            db.close().await;
        }
    }

    /// Closes everything, at the end of the process.
    pub async fn close_all(&self) {
        self.close_where(|_| true).await;
    }

    async fn close_where(&self, choose: impl Fn(&Slot) -> bool) -> usize {
        let chosen: Vec<Slot> = self.lock().extract_if(|_, slot| choose(slot)).map(|(_, slot)| slot).collect();
        for db in chosen.iter().filter_map(|slot| slot.db.get()) {
            db.close().await;
        }
        chosen.len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Slot>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody else holds the cell (is opening it) or the database in it.
fn held_by_us_alone(slot: &Slot) -> bool {
    Arc::strong_count(&slot.db) == 1 && slot.db.get().is_none_or(|db| Arc::strong_count(db) == 1)
}

/// Passes a commit on to the hook, if there is one.
#[derive(Default)]
pub(super) struct Committed {
    hook: Option<(TenantId, Arc<OnceLock<CommitHook>>)>,
}

impl Committed {
    pub(super) fn tell(&self) {
        if let Some((tenant, hook)) = &self.hook
            && let Some(hook) = hook.get()
        {
            hook(*tenant);
        }
    }
}
