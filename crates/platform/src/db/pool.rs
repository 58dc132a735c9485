//! Connections to PostgreSQL, of which a program has a budget. Each tenant has a database of its own, so that a pool per
//! database alone would hold as many connections as tenants have been busy lately, times eight, and the cluster would refuse the
//! next program that starts. So all pools of a program share one budget:
//!
//! ```text
//! permit (one for each connection in use) ─► idle one in this pool? take it
//!                                            below the budget?      open one
//!                                            else                   close the one idle for longest anywhere, open one
//! ```
//!
//! Looking and opening are two steps, so that for a moment there may be one or two more than the budget says.
//!
//! Who can't get a permit waits, and is answered 503 if that lasts. A use case must not ask for a second connection while it holds
//! one: a budget that is used up by such would wait for itself.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::DbError;

/// Connections of one service to one tenant's database: lazily opened, closed when idle.
const CONNECTIONS: u32 = 8;
/// A connection that nobody used for this long is closed: a thousand idle tenants hold none.
const IDLE: Duration = Duration::from_secs(60);
/// How long a caller waits for a permit, and then for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How often one looks for a connection that is on its way back to its pool, and the pause between; then one more is opened.
const LOOKS: u32 = 500;
const LOOK: Duration = Duration::from_millis(1);

/// The budget of a program, and its pools.
pub(super) struct Budget {
    limit: usize,
    permits: Arc<Semaphore>,
    pools: Mutex<Vec<Weak<Inner>>>,
    /// One looks for room at a time, so that two don't find the same.
    making_room: tokio::sync::Mutex<()>,
    /// Counts uses, so that the pool that rested longest is known.
    uses: AtomicU64,
    /// Idle connections that were closed to make room.
    evicted: AtomicU64,
}

/// The way to a database with a newer password, if there is one.
pub(super) type Renew = Box<dyn Fn() -> BoxFuture<'static, Option<PgConnectOptions>> + Send + Sync>;

/// The connections to one database in one role. Opens none yet when it is made.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    pool: PgPool,
    renew: Renew,
    budget: Arc<Budget>,
    /// The budget's count when it was last used.
    used: AtomicU64,
}

/// A transaction, and the right to its connection.
pub(super) type Begun = (sqlx::Transaction<'static, sqlx::Postgres>, Permit);

/// The right to hold a connection.
pub struct Permit(#[expect(dead_code, reason = "held, and never asked")] OwnedSemaphorePermit);

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            permits: Arc::new(Semaphore::new(limit)),
            pools: Mutex::default(),
            making_room: tokio::sync::Mutex::default(),
            uses: AtomicU64::default(),
            evicted: AtomicU64::default(),
        })
    }

    /// A pool in this budget.
    pub(super) fn pool(self: &Arc<Self>, options: PgConnectOptions, renew: Renew) -> Pool {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .min_connections(0)
            .idle_timeout(IDLE)
            .max_lifetime(Duration::from_secs(30 * 60))
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options);
        let inner = Arc::new(Inner { pool, renew, budget: self.clone(), used: AtomicU64::default() });
        self.pools().push(Arc::downgrade(&inner));
        Pool(inner)
    }

    /// Connections that are open or being opened, and those of them that rest.
    fn open(&self) -> (usize, usize) {
        let pools = self.living();
        let open = pools.iter().map(|inner| inner.pool.size() as usize).sum();
        (open, pools.iter().map(|inner| inner.pool.num_idle()).sum())
    }

    /// Closes idle connections until one more may be opened, or `wanting` has one that rests. Since not all permits are given out,
    /// there is such a connection, or one is on its way back to its pool.
    async fn make_room(&self, wanting: &PgPool) {
        let _alone = self.making_room.lock().await;
        for _ in 0..LOOKS {
            let mut pools = self.living();
            let open: usize = pools.iter().map(|inner| inner.pool.size() as usize).sum();
            if open < self.limit || wanting.num_idle() > 0 {
                return;
            }
            // Each is looked at once: they are used meanwhile, and a sort whose keys change panics.
            pools.sort_by_cached_key(|inner| inner.used.load(Ordering::Relaxed));
            if let Some(idle) = pools.iter().find_map(|inner| inner.pool.try_acquire()) {
                let _ = idle.close().await; // broken or not, it is gone
                self.evicted.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            #[expect(clippy::disallowed_methods, reason = "the driver tells nobody of a connection that comes back")]
            tokio::time::sleep(LOOK).await;
        }
    }

    fn living(&self) -> Vec<Arc<Inner>> {
        let mut pools = self.pools();
        pools.retain(|pool| pool.strong_count() > 0);
        pools.iter().filter_map(Weak::upgrade).collect()
    }

    fn pools(&self) -> MutexGuard<'_, Vec<Weak<Inner>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// The right to one of its connections, for which there is room from now on.
    pub(super) async fn permit(&self) -> Result<Permit, DbError> {
        let budget = &self.0.budget;
        self.0.used.store(budget.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let waited = tokio::time::timeout(ACQUIRE, budget.permits.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = waited else { return Err(DbError::Busy(sqlx::Error::PoolTimedOut)) };
        if self.0.pool.num_idle() == 0 && budget.open().0 >= budget.limit {
            budget.make_room(&self.0.pool).await;
        }
        Ok(Permit(permit))
    }

    /// Begins a transaction in these words.
    pub(super) async fn begin(&self, words: &'static str) -> Result<Begun, DbError> {
        let permit = self.permit().await?;
        let begun = match self.0.pool.begin_with(words).await.map_err(DbError::from) {
            Err(error) if self.renewed(&error).await => self.0.pool.begin_with(words).await?,
            begun => begun?,
        };
        Ok((begun, permit))
    }

    /// Whether an error was an old password's, and there is a newer one: then it is worth asking again.
    pub(super) async fn renewed(&self, error: &DbError) -> bool {
        if !error.is_wrong_password() {
            return false;
        }
        let Some(options) = (self.0.renew)().await else { return false };
        self.0.pool.set_connect_options(options);
        true
    }

    /// The driver's pool, for whoever holds a permit.
    pub(super) fn driver(&self, _: &Permit) -> &PgPool {
        &self.0.pool
    }

    pub(super) async fn close(&self) {
        self.0.pool.close().await;
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: &'static str,
}

/// What a program holds of its budget, reckoned when somebody asks.
pub(super) struct Connections(pub(super) Arc<Budget>);

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.0.limit).finish()
    }
}

impl Collector for Connections {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (open, idle) = self.0.open();
        let help = "Connections to PostgreSQL by how they are: busy, idle";
        let mut family = encoder.encode_descriptor("db_connections", help, None, MetricType::Gauge)?;
        for (status, count) in [("busy", open.saturating_sub(idle)), ("idle", idle)] {
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            gauge.encode(family.encode_family(&Status { status })?)?;
        }
        let help = "Connections to PostgreSQL that this program may hold";
        let limit = encoder.encode_descriptor("db_connections_limit", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(self.0.limit).unwrap_or(i64::MAX)).encode(limit)?;
        let help = "Idle connections to PostgreSQL that were closed for others to be opened";
        let evicted = encoder.encode_descriptor("db_connections_evicted", help, None, MetricType::Counter)?;
        ConstCounter::new(self.0.evicted.load(Ordering::Relaxed)).encode(evicted)
    }
}
