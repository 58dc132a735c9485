//! What statements run on, in either database: the one place where the two drivers are told apart.

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqlitePool};

#[cfg(feature = "real")]
use super::pool::{Begun, Permit, Pool};
#[cfg(feature = "real")]
use super::postgres;
use super::query::{Done, Statement, Want};
use super::row::Row;
use super::{DbError, sqlite};

/// Which database it is, for the few statements that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A transaction's connection. [`super::Tx`] derefs to it, so statements take `&mut **tx`.
pub enum Connection {
    /// In the one lane in which a file is written.
    Sqlite(PoolConnection<Sqlite>),
    /// In a transaction that only reads.
    Reading(sqlx::Transaction<'static, Sqlite>),
    /// In a transaction that is rolled back when dropped.
    #[cfg(feature = "real")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>, Permit),
}

#[cfg(feature = "real")]
impl From<Begun> for Connection {
    fn from((tx, permit): Begun) -> Self {
        Self::Postgres(tx, permit)
    }
}

impl Connection {
    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) | Self::Reading(_) => Engine::Sqlite,
            #[cfg(feature = "real")]
            Self::Postgres(..) => Engine::Postgres,
        }
    }

    /// Runs what needs no parameters and gives no rows: the words around a transaction.
    pub(super) async fn order(&mut self, words: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(words).execute(&mut **connection).await.map(drop),
            Self::Reading(tx) => sqlx::raw_sql(words).execute(&mut **tx).await.map(drop),
            #[cfg(feature = "real")]
            Self::Postgres(tx, _) => sqlx::raw_sql(words).execute(&mut **tx).await.map(drop),
        }
    }

    /// Makes what was done durable. In doubt (no answer in time) it may be.
    #[cfg(feature = "real")]
    pub(super) async fn commit(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(_) | Self::Reading(_) => unreachable!("the lane commits"),
            Self::Postgres(tx, _permit) => postgres::in_time(async { Ok(tx.commit().await?) }).await,
        }
    }

    /// Closes it for good, with whatever was not committed on it. It may be broken already.
    pub(super) async fn close(self) {
        match self {
            Self::Sqlite(connection) => drop(connection.close().await),
            Self::Reading(tx) => drop(tx.rollback().await),
            #[cfg(feature = "real")]
            Self::Postgres(tx, _permit) => drop(tx.rollback().await),
        }
    }

    pub(super) async fn run_statement(&mut self, statement: Statement) -> Result<Done, DbError> {
        match self {
            Self::Sqlite(connection) => sqlite::run(&mut **connection, statement).await,
            Self::Reading(tx) => sqlite::run(&mut **tx, statement).await,
            #[cfg(feature = "real")]
            Self::Postgres(tx, _) => postgres::in_time(postgres::run(&mut **tx, statement)).await,
        }
    }

    pub(super) async fn rows_of(&mut self, statement: Statement, want: Want) -> Result<Vec<Row>, DbError> {
        match self {
            Self::Sqlite(connection) => sqlite::rows(&mut **connection, statement, want).await,
            Self::Reading(tx) => sqlite::rows(&mut **tx, statement, want).await,
            #[cfg(feature = "real")]
            Self::Postgres(tx, _) => postgres::in_time(postgres::rows(&mut **tx, statement, want)).await,
        }
    }
}

/// A moment of a database: all that is read on it belongs together. Derefs to the connection.
pub struct Snapshot(Connection);

impl std::ops::Deref for Snapshot {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl std::ops::DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

/// The reading side of a database.
#[derive(Clone)]
pub enum Reader {
    /// Connections that refuse to write.
    Sqlite(SqlitePool),
    /// The service's own role in its own schema.
    #[cfg(feature = "real")]
    Postgres(Pool),
}

impl Reader {
    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            #[cfg(feature = "real")]
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Begins to read one moment.
    pub async fn snapshot(&self) -> Result<Snapshot, DbError> {
        Ok(Snapshot(match self {
            Self::Sqlite(pool) => Connection::Reading(pool.begin().await?),
            #[cfg(feature = "real")]
            Self::Postgres(pool) => postgres::begin_reading(pool).await?.into(),
        }))
    }

    pub(super) async fn run_statement(&self, statement: Statement) -> Result<Done, DbError> {
        match self {
            Self::Sqlite(pool) => sqlite::run(pool, statement).await,
            #[cfg(feature = "real")]
            Self::Postgres(pool) => postgres::run_alone(pool, statement).await,
        }
    }

    pub(super) async fn rows_of(&self, statement: Statement, want: Want) -> Result<Vec<Row>, DbError> {
        match self {
            Self::Sqlite(pool) => sqlite::rows(pool, statement, want).await,
            #[cfg(feature = "real")]
            Self::Postgres(pool) => postgres::rows_alone(pool, statement, want).await,
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            #[cfg(feature = "real")]
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
