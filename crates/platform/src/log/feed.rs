//! Reading the outboxes, and being woken when there is something to read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prost::Message;
use siegel_domain::TenantId;
use siegel_proto::events::v1::Event;
use sqlx::Row;
use tokio::sync::Notify;

use crate::db::{DbError, TenantDbs};

/// Most events of one read, whatever was asked for.
const READ_LIMIT: u32 = 1_000;

/// Why events can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No service of that name writes a log here: a mistake in the program.
    #[error("no source named {0}")]
    NoSuchSource(String),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// An event and where it stands in its tenant's part of a source. Positions grow in the order of commits, with gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Read on with `after` set to this.
    pub position: i64,
    /// The event.
    pub event: Event,
}

/// The logs of all services in this process, by the service's name.
#[derive(Default)]
pub struct Log {
    sources: Mutex<BTreeMap<&'static str, Arc<TenantDbs>>>,
    waiting: Arc<Mutex<Vec<Weak<Inbox>>>>,
    wakers: Arc<Mutex<Vec<Arc<Notify>>>>,
}

/// Who committed events since the last look: each pair once, however many there were, so it never overflows.
#[derive(Default)]
struct Inbox {
    pairs: Mutex<BTreeSet<(&'static str, TenantId)>>,
    notify: Notify,
}

impl Log {
    /// No source yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a service's outboxes readable under the service's name (`dbs.service()`), and wakes subscribers when it commits.
    pub fn register(&self, dbs: Arc<TenantDbs>) {
        let source = dbs.service();
        let (waiting, wakers) = (self.waiting.clone(), self.wakers.clone());
        dbs.on_commit(Arc::new(move |tenant| {
            // An inbox first: whoever is woken finds what woke it.
            lock(&waiting).retain(|inbox| match inbox.upgrade() {
                Some(inbox) => {
                    lock(&inbox.pairs).insert((source, tenant));
                    inbox.notify.notify_one();
                    true
                }
                None => false,
            });
            for waker in &*lock(&wakers) {
                waker.notify_one();
            }
        }));
        lock(&self.sources).insert(source, dbs);
    }

    /// At most `limit` events of a tenant behind position `after` (0: from the first), in the order of their commits.
    pub async fn read(&self, source: &str, tenant: TenantId, after: i64, limit: u32) -> Result<Vec<Stored>, LogError> {
        let db = self.source(source)?.get(tenant).await?;
        let rows = sqlx::query("SELECT position, data FROM outbox WHERE position > $1 ORDER BY position LIMIT $2")
            .bind(after)
            .bind(limit.min(READ_LIMIT))
            .fetch_all(db.reader())
            .await
            .map_err(DbError::from)?;
        let stored = |row: sqlx::sqlite::SqliteRow| {
            let position: i64 = row.try_get("position").map_err(DbError::from)?;
            let data: &[u8] = row.try_get("data").map_err(DbError::from)?;
            let event = Event::decode(data).map_err(|_| DbError::corrupt("outbox", "data", position))?;
            Ok(Stored { position, event })
        };
        rows.into_iter().map(stored).collect()
    }

    /// The position of the last event, 0 if there is none: for who wants to hear only of what comes.
    pub async fn end(&self, source: &str, tenant: TenantId) -> Result<i64, LogError> {
        let db = self.source(source)?.get(tenant).await?;
        let end = sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM outbox").fetch_one(db.reader()).await;
        Ok(end.map_err(DbError::from)?)
    }

    /// Every tenant that a source knows: for a consumer's first pass and the sweep that is its net.
    pub fn tenants(&self, source: &str) -> Result<Vec<TenantId>, LogError> {
        let listed = self.source(source)?.provisioned();
        Ok(listed.map_err(|source| DbError::Directory { path: "tenants".into(), source })?)
    }

    /// From now on `waker` is notified of every commit with events: a consumer's worker (`Worker::waker`), which then
    /// asks its own subscription what there is.
    pub fn wake(&self, waker: Arc<Notify>) {
        lock(&self.wakers).push(waker);
    }

    /// From now on, who commits events.
    pub fn subscribe(&self) -> News {
        let inbox = Arc::new(Inbox::default());
        lock(&self.waiting).push(Arc::downgrade(&inbox));
        News(inbox)
    }

    fn source(&self, name: &str) -> Result<Arc<TenantDbs>, LogError> {
        lock(&self.sources).get(name).cloned().ok_or_else(|| LogError::NoSuchSource(name.to_owned()))
    }
}

/// A subscription to commits. Says that there is something to read, not what; a wake may also be for nothing.
pub struct News(Arc<Inbox>);

impl News {
    /// Completes when a source committed events since the last [`News::take`]. Cancelling it loses nothing.
    pub async fn wait(&self) {
        loop {
            let notified = self.0.notify.notified();
            if !lock(&self.0.pairs).is_empty() {
                return;
            }
            notified.await;
        }
    }

    /// The sources and tenants that committed since the last call.
    pub fn take(&self) -> BTreeSet<(&'static str, TenantId)> {
        std::mem::take(&mut *lock(&self.0.pairs))
    }

    /// Puts a pair back, for work that is not finished.
    pub fn put_back(&self, source: &'static str, tenant: TenantId) {
        lock(&self.0.pairs).insert((source, tenant));
        self.0.notify.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
