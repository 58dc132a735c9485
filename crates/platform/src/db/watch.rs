//! Notices that somebody else wrote to a database: another connection of this process or of another one.

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use super::{Db, DbError, Reader, connect_options};

/// Looks at SQLite's own counter, which costs no page read, or at which transactions wrote PostgreSQL's rows of tenants.
pub enum Watcher {
    /// One connection, kept open.
    Sqlite(SqliteConnection),
    /// A statement of its own.
    #[cfg(feature = "real")]
    Postgres(Reader),
}

impl Db {
    /// Begins to watch.
    pub async fn watcher(&self) -> Result<Watcher, DbError> {
        match &self.reader {
            Reader::Sqlite(_) => {
                let connect = connect_options(&self.path, &self.options).pragma("query_only", "ON");
                Ok(Watcher::Sqlite(SqliteConnection::connect_with(&connect).await?))
            }
            #[cfg(feature = "real")]
            reader @ Reader::Postgres(_) => Ok(Watcher::Postgres(reader.clone())),
        }
    }
}

impl Watcher {
    /// Another number than the last time: somebody committed in between. Only for comparing.
    pub async fn version(&mut self) -> Result<i64, DbError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await?),
            // Whoever changes a row puts the number of their transaction into it.
            #[cfg(feature = "real")]
            Self::Postgres(reader) => super::query_scalar(
                "SELECT CAST(count(*) + COALESCE(sum(CAST(CAST(xmin AS TEXT) AS BIGINT)), 0) AS BIGINT) FROM tenants",
            )
            .fetch_one(&*reader)
            .await,
        }
    }
}
