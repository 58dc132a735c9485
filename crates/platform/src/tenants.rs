//! Which tenants exist, as every service sees it: a copy in memory of provider.db's table `tenants`, so that a request
//! for a made-up tenant costs no query. Operator and dealer API write through [`Tenants::change`]; everybody else reads.
//! Where they are other processes, [`Tenants::refresh`] notices what they wrote.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use siegel_api::tenants::Durability;
use siegel_domain::limits::QUOTA_PERCENT_DEFAULT;
use siegel_domain::{DealerId, TenantId, Timestamp};
use tokio::sync::{Notify, watch};

use crate::db::{self, Db, DbError, Row, Tx, Watcher, Work};

/// Where a tenant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantState {
    /// Its database, keys and buckets are being made.
    Provisioning,
    /// Open for business.
    Ready,
    /// Closed by the provider; nothing is deleted.
    Suspended,
    /// Provisioning failed; the conditions say why.
    Failed,
}

impl TenantState {
    /// The word in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Ready => "ready",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Provisioning, Self::Ready, Self::Suspended, Self::Failed].into_iter().find(|s| s.as_str() == text)
    }
}

/// The word of a durability in the API and the database.
pub const fn durability_str(durability: Durability) -> &'static str {
    match durability {
        Durability::Available => "available",
        Durability::Strict => "strict",
    }
}

/// A tenant as the provider database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantView {
    /// The tenant.
    pub id: TenantId,
    /// Who created it.
    pub dealer: DealerId,
    /// The part after `@` in login names.
    pub handle: String,
    /// The institution's name.
    pub display_name: String,
    /// The dealer's comment (C08).
    pub comment: String,
    /// Where it stands.
    pub state: TenantState,
    /// What happens while a zone is lost.
    pub durability: Durability,
    /// Where data may lie.
    pub jurisdiction: String,
    /// What it may take of each process, in hundredths of the standard ([`crate::quota`]).
    pub quota_percent: u32,
    /// Of the first owner's code.
    pub owner_invite_auth_hash: Vec<u8>,
    /// When that code ends.
    pub owner_code_expires_ms: i64,
    /// Whether the first owner has enrolled.
    pub owner_enrolled: bool,
    /// Conditions, as JSON.
    pub conditions: String,
    /// When it was created.
    pub created_ms: i64,
    /// Counts changes; the ETag.
    pub version: i64,
}

/// What a new tenant is made of.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Drawn by the operator.
    pub id: TenantId,
    /// Who creates it.
    pub dealer: DealerId,
    /// The part after `@` in login names; unique.
    pub handle: String,
    /// The institution's name.
    pub display_name: String,
    /// The dealer's comment.
    pub comment: String,
    /// What happens while a zone is lost.
    pub durability: Durability,
    /// Where data may lie.
    pub jurisdiction: String,
    /// Of the first owner's code.
    pub owner_invite_auth_hash: Vec<u8>,
    /// When that code ends.
    pub owner_code_expires_ms: i64,
    /// Now.
    pub created: Timestamp,
}

/// The tenants of the platform.
pub struct Tenants {
    db: Arc<Db>,
    known: RwLock<Known>,
    changes: watch::Sender<u64>,
    wakers: Mutex<Vec<Arc<Notify>>>,
    /// One at a time, so that what was read last is what stays.
    reloading: tokio::sync::Mutex<()>,
    watched: tokio::sync::Mutex<Option<Watched>>,
}

/// The provider database as it was when it was last read.
struct Watched {
    watcher: Watcher,
    version: Option<i64>,
}

#[derive(Default, PartialEq)]
struct Known {
    by_id: HashMap<TenantId, Arc<TenantView>>,
    by_handle: HashMap<String, TenantId>,
}

impl Tenants {
    /// Reads all tenants of the provider database.
    pub async fn open(db: Arc<Db>) -> Result<Self, DbError> {
        let tenants = Self {
            db,
            known: RwLock::default(),
            changes: watch::Sender::new(0),
            wakers: Mutex::default(),
            reloading: tokio::sync::Mutex::default(),
            watched: tokio::sync::Mutex::default(),
        };
        tenants.reload().await?;
        Ok(tenants)
    }

    /// The provider database, for what else lies in it (dealers, wake-ups).
    pub fn db(&self) -> &Arc<Db> {
        &self.db
    }

    /// The tenant, if it exists.
    pub fn get(&self, tenant: TenantId) -> Option<Arc<TenantView>> {
        self.known().by_id.get(&tenant).cloned()
    }

    /// The tenant of a login name's part after `@`.
    pub fn by_handle(&self, handle: &str) -> Option<Arc<TenantView>> {
        let known = self.known();
        known.by_id.get(known.by_handle.get(handle)?).cloned()
    }

    /// What the tenant may take of each process, in hundredths of the standard. Of one that does not exist the standard: a
    /// token of it is good for a few minutes more.
    pub fn quota_percent(&self, tenant: TenantId) -> u32 {
        self.known().by_id.get(&tenant).map_or(QUOTA_PERCENT_DEFAULT, |tenant| tenant.quota_percent)
    }

    /// All tenants, oldest first. For sweeps and dealers' pages, not for single requests.
    pub fn list(&self) -> Vec<Arc<TenantView>> {
        let mut list: Vec<_> = self.known().by_id.values().cloned().collect();
        list.sort_unstable_by_key(|tenant| (tenant.created_ms, tenant.id));
        list
    }

    /// Changes when any tenant does; the value counts the changes.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Runs `work` on the provider database and, once committed, takes over what it changed and tells subscribers.
    pub async fn change<'w, T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: for<'c> Fn(&'c mut Tx<'w>) -> Work<'c, T, E> + Send + Sync + 'w,
        T: Send,
        E: From<DbError> + std::error::Error + Send + 'static,
    {
        let value = self.db.tx(name, work).await?;
        self.reload().await?;
        Ok(value)
    }

    /// Reads the table again, and tells subscribers if it is not as it was.
    pub async fn reload(&self) -> Result<(), DbError> {
        let _turn = self.reloading.lock().await;
        let rows = db::query("SELECT * FROM tenants").fetch_all(self.db.reader()).await?;
        let mut fresh = Known::default();
        for row in rows {
            let tenant = TenantView::try_from(row)?;
            fresh.by_handle.insert(tenant.handle.clone(), tenant.id);
            fresh.by_id.insert(tenant.id, Arc::new(tenant));
        }
        if fresh == *self.known() {
            return Ok(());
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        self.changes.send_modify(|changes| *changes += 1);
        for waker in &*self.wakers.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.notify_one();
        }
        Ok(())
    }

    /// Reads the table again if anybody has written to the provider database since the last call. Costs some ten
    /// microseconds if nobody has, so that a process which shares the database can ask before each request: what was
    /// answered to a dealer by one program is known to the next one. True if it was read.
    pub async fn refresh(&self) -> Result<bool, DbError> {
        let mut watched = self.watched.lock().await;
        let watched = match &mut *watched {
            Some(watched) => watched,
            none => none.insert(Watched { watcher: self.db.watcher().await?, version: None }),
        };
        let version = Some(watched.watcher.version().await?);
        if version == watched.version {
            return Ok(false);
        }
        self.reload().await?;
        watched.version = version; // only now: a read that failed is done again
        Ok(true)
    }

    /// From now on `waker` is notified whenever a tenant has changed (`Worker::waker`).
    pub fn wake(&self, waker: Arc<Notify>) {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner).push(waker);
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Inserts a tenant in state `provisioning`. A taken handle is a unique violation of `tenants.handle`.
pub async fn insert(tx: &mut Tx<'_>, new: &NewTenant) -> Result<(), DbError> {
    db::query(
        "INSERT INTO tenants (id, dealer, handle, display_name, comment, state, durability, jurisdiction,
                              owner_auth_hash, created_ms, owner_code_expires_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(new.id.to_string())
    .bind(new.dealer.to_string())
    .bind(&new.handle)
    .bind(&new.display_name)
    .bind(&new.comment)
    .bind(TenantState::Provisioning.as_str())
    .bind(durability_str(new.durability))
    .bind(&new.jurisdiction)
    .bind(&new.owner_invite_auth_hash)
    .bind(new.created.0)
    .bind(new.owner_code_expires_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl TryFrom<Row> for TenantView {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let key: String = row.try_get("id")?;
        let corrupt = |column| DbError::corrupt("tenants", column, &key);
        let state: String = row.try_get("state")?;
        let durability: String = row.try_get("durability")?;
        let dealer: String = row.try_get("dealer")?;
        Ok(Self {
            id: key.parse().map_err(|_| DbError::corrupt("tenants", "id", "?"))?,
            dealer: dealer.parse().map_err(|_| corrupt("dealer"))?,
            handle: row.try_get("handle")?,
            display_name: row.try_get("display_name")?,
            comment: row.try_get("comment")?,
            state: TenantState::parse(&state).ok_or_else(|| corrupt("state"))?,
            durability: match durability.as_str() {
                "available" => Durability::Available,
                "strict" => Durability::Strict,
                _ => return Err(corrupt("durability")),
            },
            jurisdiction: row.try_get("jurisdiction")?,
            quota_percent: u32::try_from(row.try_get::<i64, _>("quota_percent")?)
                .map_err(|_| corrupt("quota_percent"))?,
            owner_invite_auth_hash: row.try_get("owner_auth_hash")?,
            owner_code_expires_ms: row.try_get("owner_code_expires_ms")?,
            owner_enrolled: row.try_get::<i64, _>("owner_enrolled")? != 0,
            conditions: row.try_get("conditions")?,
            created_ms: row.try_get("created_ms")?,
            version: row.try_get("version")?,
        })
    }
}
