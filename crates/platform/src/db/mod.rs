//! Databases of services and tenants, on one of two engines.
//!
//! ```text
//! query("… $1 …").bind(…) ─► Executor ─► Reader, Tx ─┬─ SQLite: a file per service and tenant
//!                                                    └─ PostgreSQL: a database per tenant, a schema and a role per service
//! ```
//!
//! Every write goes through [`Db::tx`], which names it, retries it and counts it. SQL is kept to what both read (`$1`,
//! `ON CONFLICT`, `RETURNING`; BIGINT, TEXT, BLOB), so that stores are written once; where they differ a statement asks
//! for the [`Engine`]. In SQLite one connection writes and four read: writers queue here instead of there, where waiting
//! means polling. What was acknowledged survives a power loss: WAL and `synchronous=FULL`, or a synchronous standby.

#[cfg(feature = "real")]
mod cluster;
mod connection;
pub mod contract;
mod error;
mod home;
mod lane;
mod migrate;
#[cfg(feature = "real")]
mod passwords;
#[cfg(feature = "real")]
mod pool;
#[cfg(feature = "real")]
mod postgres;
mod query;
mod row;
mod sqlite;
mod tenants;
mod tx;
mod value;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::clock::{SharedClock, SystemClock};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::rng::{Rng, SystemRng};

use lane::Lane;

#[cfg(feature = "real")]
pub use cluster::{Cluster, schemas, schemas_of};
pub use connection::{Connection, Engine, Reader, Snapshot};
pub(crate) use error::is_away;
pub use error::{DbError, violated};
pub use home::{Found, Home, Place, READY, provision_directory, provisioned, tenant_directory};
pub use migrate::{Migrations, embedded};
#[cfg(feature = "real")]
pub use passwords::{Ask, Password, password};
pub use query::{Done, Executor, Query, QueryAs, QueryScalar, Statement, Want, query, query_as, query_scalar};
pub use row::{Column, FromRow, Row};
pub use tenants::{CommitHook, TenantDbs};
pub use tx::{Tx, Work};
pub use value::{FromValue, Value};
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
    /// Where tenants' databases lie, unless in files.
    pub home: Home,
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
            home: Home::Files,
            secure_delete: false,
            clock: SystemClock::shared(),
            rng: Arc::new(SystemRng),
            metrics: Arc::new(Metrics::new()),
            health: Health::new(),
        }
    }
}

/// One service's database of one tenant, or the provider's.
pub struct Db {
    /// The file; for PostgreSQL `database/schema`, for errors and logs.
    path: PathBuf,
    writer: Writer,
    reader: Reader,
    options: DbOptions,
    full: AtomicBool,
}

enum Writer {
    Sqlite(Lane),
    #[cfg(feature = "real")]
    Postgres(pool::Pool, tenants::Committed),
}

impl Db {
    /// Opens or creates a file, and brings it to the migrations' version. A file of a later version is refused.
    pub async fn open(path: &Path, migrations: &'static Migrations, options: DbOptions) -> Result<Self, DbError> {
        Self::open_with(path, migrations, options, tenants::Committed::default()).await
    }

    async fn open_with(
        path: &Path,
        migrations: &'static Migrations,
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
        migrate::run_sqlite(&writer, path, migrations).await?;
        let reader = Reader::Sqlite(pool_options(READERS).connect_lazy_with(connect.pragma("query_only", "ON")));
        let writer = Writer::Sqlite(Lane::new(writer, committed));
        Ok(Self { path: path.to_owned(), writer, reader, options, full: AtomicBool::new(false) })
    }

    /// Opens a schema of a database of PostgreSQL in the service's own role, and brings it to the migrations' version.
    #[cfg(feature = "real")]
    async fn open_postgres(
        place: &str,
        pool: pool::Pool,
        migrations: &'static Migrations,
        options: DbOptions,
        committed: tenants::Committed,
    ) -> Result<Self, DbError> {
        let path = PathBuf::from(place);
        postgres::in_time(migrate::run_postgres(&pool, &path, migrations)).await?;
        let (reader, writer) = (Reader::Postgres(pool.clone()), Writer::Postgres(pool, committed));
        Ok(Self { path, writer, reader, options, full: AtomicBool::new(false) })
    }

    /// Opens the provider's database in a cluster.
    #[cfg(feature = "real")]
    pub async fn open_provider(
        cluster: &Cluster,
        migrations: &'static Migrations,
        options: DbOptions,
    ) -> Result<Self, DbError> {
        let (place, pool) = cluster.provider();
        Self::open_postgres(&place, pool, migrations, options, tenants::Committed::default()).await
    }

    /// Where to read. Its connections refuse to write, or nobody writes through them.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        self.reader.engine()
    }

    /// The file, or its name in PostgreSQL.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many commits there were since it was opened, where we join them: under load fewer than transactions.
    pub fn commits(&self) -> u64 {
        match &self.writer {
            Writer::Sqlite(lane) => lane.commits(),
            #[cfg(feature = "real")]
            Writer::Postgres(..) => 0,
        }
    }

    /// Whether the last write found the disk full.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Folds the write-ahead log into the file and empties it, so that what was deleted from a database with
    /// `secure_delete` is in neither. [`DbError::Busy`] while somebody reads; try again later. PostgreSQL's log is a physical
    /// backup, whose days are counted in the receipt.
    pub async fn fold_log(&self) -> Result<(), DbError> {
        #[cfg_attr(
            not(feature = "real"),
            expect(clippy::infallible_destructuring_match, reason = "the other engine is behind a feature")
        )]
        let lane = match &self.writer {
            Writer::Sqlite(lane) => lane,
            #[cfg(feature = "real")]
            Writer::Postgres(..) => return Ok(()),
        };
        let mut turn = lane.alone().await?;
        let (busy, _, _): (i64, i64, i64) =
            query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(turn.connection_mut()).await?;
        if busy == 0 { Ok(()) } else { Err(DbError::Busy(sqlx::Error::PoolTimedOut)) }
    }

    /// Closes the connections, which also folds SQLite's write-ahead log into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        match &self.writer {
            Writer::Sqlite(lane) => lane.close().await,
            #[cfg(feature = "real")]
            Writer::Postgres(..) => {} // one pool reads and writes
        }
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
pub(crate) fn reading_pool(path: &Path) -> Reader {
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    Reader::Sqlite(pool_options(READERS).connect_lazy_with(connect))
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
