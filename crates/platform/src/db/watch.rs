//! Notices that somebody else wrote to a database: another connection of this process or of another one.

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::{Db, DbError, connect_options};

/// Looks at SQLite's own counter, which costs no page read. One connection, kept open.
pub struct Watcher(SqliteConnection);

impl Db {
    /// Begins to watch.
    pub async fn watcher(&self) -> Result<Watcher, DbError> {
        let connect = connect_options(&self.path, &self.options).pragma("query_only", "ON");
        Ok(Watcher(SqliteConnection::connect_with(&connect).await?))
    }
}

impl Watcher {
    /// Another number than the last time: somebody committed in between. Only for comparing.
    pub async fn version(&mut self) -> Result<i64, DbError> {
        Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut self.0).await?)
    }
}
