//! One service's databases, one per tenant, opened when first asked for and closed when idle: a thousand idle tenants
//! hold no connection.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use siegel_domain::TenantId;
use tokio::sync::OnceCell;

use super::{Db, DbError, DbOptions, Home, Migrations, Place};

/// A database that nobody held for this long is closed.
const IDLE_MS: i64 = 5 * 60 * 1_000;

/// Called after a commit that carried events, with the tenant.
pub type CommitHook = Arc<dyn Fn(TenantId) + Send + Sync>;

/// Databases of one service.
pub struct TenantDbs {
    root: PathBuf,
    service: &'static str,
    migrations: &'static Migrations,
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
    pub fn new(root: &Path, service: &'static str, migrations: &'static Migrations, options: DbOptions) -> Self {
        let open = Mutex::new(HashMap::new());
        Self { root: root.to_owned(), service, migrations, options, open, hook: Arc::default() }
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
        let slot = match self.used(tenant) {
            Some(slot) => slot,
            None if !self.place().is_ready(tenant).await? => return Err(DbError::NoSuchTenant),
            None => {
                let fresh = Slot { db: Arc::default(), used_ms: self.options.clock.monotonic_ms() };
                self.lock().entry(tenant).or_insert(fresh).clone()
            }
        };
        let opening = slot.db.get_or_try_init(async || {
            let committed = Committed { hook: Some((tenant, self.hook.clone())) };
            self.open(tenant, committed).await.map(Arc::new)
        });
        opening.await.cloned()
    }

    async fn open(&self, tenant: TenantId, committed: Committed) -> Result<Db, DbError> {
        match &self.options.home {
            Home::Files => {
                let path = super::tenant_directory(&self.root, tenant).join(format!("{}.db", self.service));
                Db::open_with(&path, self.migrations, self.options.clone(), committed).await
            }
            #[cfg(feature = "real")]
            Home::Cluster(cluster) => {
                let (place, pool) = cluster.schema(tenant, self.service)?;
                Db::open_postgres(&place, pool, self.migrations, self.options.clone(), committed).await
            }
        }
    }

    /// The slot of a tenant that is open or being opened.
    fn used(&self, tenant: TenantId) -> Option<Slot> {
        let mut open = self.lock();
        let slot = open.get_mut(&tenant)?;
        slot.used_ms = self.options.clock.monotonic_ms();
        Some(slot.clone())
    }

    fn place(&self) -> Place<'_> {
        self.options.home.place(&self.root)
    }

    /// Every tenant that was provisioned. Reads the directory, or asks the cluster: for sweeps, not for requests.
    pub async fn provisioned(&self) -> Result<Vec<TenantId>, DbError> {
        self.place().provisioned().await
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
