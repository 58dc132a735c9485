//! SQLite, one file per service and tenant. One connection writes, four read: writers queue here instead of in SQLite,
//! where waiting means polling. WAL and `synchronous=FULL`: what was acknowledged survives a power loss.
//!
//! Every write goes through [`Db::tx`], which names it, retries it and counts it. SQL is kept to what PostgreSQL also
//! reads (`$1`, `ON CONFLICT`, `RETURNING`; INTEGER/BIGINT, TEXT, BLOB), so that a second adapter shares the text.

mod error;
mod lane;
mod migrate;
mod tenants;
mod tx;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::clock::{SharedClock, SystemClock};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::rng::{Rng, SystemRng};

use lane::Lane;

pub use error::{DbError, violated};
pub use migrate::embedded;
pub use tenants::{CommitHook, READY, TenantDbs, provision_directory, provisioned, tenant_directory};
pub use tx::{Tx, Work};
pub use watch::Watcher;

/// Connections that read one database.
const READERS: u32 = 4;
/// A connection that nobody used for this long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// How long one attempt waits for another process' lock; [`Db::tx`] tries again, about two seconds in all.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a caller waits for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a database is opened, and what it reports to. [`Default`] suits a test; services take `ctx.db_options()`.
#[derive(Clone)]
pub struct DbOptions {
    /// Overwrite deleted content with zeros (the `keys` database: a shredded key must not stay in a free page).
    pub secure_delete: bool,
    /// Waits between retries.
    pub clock: SharedClock,
    /// Jitter of the waits.
    pub rng: Arc<dyn Rng>,
    /// Counts transactions, retries and durations by name.
    pub metrics: Arc<Metrics>,
    /// Told when the disk is full.
    pub health: Health,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self {
            secure_delete: false,
            clock: SystemClock::shared(),
            rng: Arc::new(SystemRng),
            metrics: Arc::new(Metrics::new()),
            health: Health::new(),
        }
    }
}

/// One database file.
pub struct Db {
    path: PathBuf,
    lane: Lane,
    reader: SqlitePool,
    options: DbOptions,
    full: AtomicBool,
}

impl Db {
    /// Opens or creates the file, and brings it to the migrator's version. A file of a later version is refused.
    pub async fn open(path: &Path, migrator: &'static Migrator, options: DbOptions) -> Result<Self, DbError> {
        Self::open_with(path, migrator, options, tenants::Committed::default()).await
    }

    async fn open_with(
        path: &Path,
        migrator: &'static Migrator,
        options: DbOptions,
        committed: tenants::Committed,
    ) -> Result<Self, DbError> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|source| DbError::Directory { path: directory.to_owned(), source })?;
        }
        let connect = connect_options(path, &options);
        let writer = pool_options(1)
            .after_release(|connection, _| Box::pin(usable(connection)))
            .connect_lazy_with(connect.clone());
        migrate::run(&writer, path, migrator).await?;
        let reader = pool_options(READERS).connect_lazy_with(connect.pragma("query_only", "ON"));
        let lane = Lane::new(writer, committed);
        Ok(Self { path: path.to_owned(), lane, reader, options, full: AtomicBool::new(false) })
    }

    /// The pool for reading. Its connections refuse to write.
    pub fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many commits there were since it was opened. Under load fewer than transactions: those who wait share one.
    pub fn commits(&self) -> u64 {
        self.lane.commits()
    }

    /// Whether the last write found the disk full.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Folds the write-ahead log into the file and empties it, so that what was deleted from a database with
    /// `secure_delete` is in neither. [`DbError::Busy`] while somebody reads; try again later.
    pub async fn fold_log(&self) -> Result<(), DbError> {
        let mut turn = self.lane.alone().await?;
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(turn.connection_mut()).await?;
        if busy == 0 { Ok(()) } else { Err(DbError::Busy(sqlx::Error::PoolTimedOut)) }
    }

    /// Closes the connections, which also folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.lane.close().await;
    }
}

/// Whether a connection may be used again. SQLite rolls a transaction back by itself when the disk is full or fails
/// (<https://www.sqlite.org/lang_transaction.html>, "Response To Errors Within A Transaction"); sqlx then still counts it
/// as open, and every later transaction on the connection would be refused. Such a connection is closed.
async fn usable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        connection.ping().await?; // waits for the rollback that is on its way
    }
    Ok(!connection.is_in_transaction())
}

fn connect_options(path: &Path, options: &DbOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(128)
        .pragma("secure_delete", if options.secure_delete { "ON" } else { "OFF" })
        // Row values never appear in a statement's text, but keep statements out of the log all the same.
        .disable_statement_logging()
}

/// A pool that reads the database of a service in another process. It makes nothing, migrates nothing and folds no log:
/// that is for the one who owns the file.
pub(crate) fn reading_pool(path: &Path) -> SqlitePool {
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    pool_options(READERS).connect_lazy_with(connect)
}

fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .idle_timeout(IDLE)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A local file's connection does not break by itself.
        .test_before_acquire(false)
}
