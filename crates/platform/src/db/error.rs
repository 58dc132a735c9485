//! What can go wrong with a database, as far as callers tell it apart.

use std::error::Error as StdError;
use std::path::PathBuf;

/// A failure of a database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The tenant was not provisioned here, or is gone.
    #[error("no such tenant")]
    NoSuchTenant,
    /// No room on the disk. The service is read-only until a write succeeds again (FAULTS F8).
    #[error("the disk that holds the database is full")]
    Full(#[source] sqlx::Error),
    /// Another writer held it for longer than the retries last.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// Written by a later version of the program.
    #[error(
        "{path} was written by a later version of Siegel (it has migration {version}, which this program does not know): \
         start that version, or restore a backup of before the upgrade",
        path = path.display()
    )]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// The migration that is not known here.
        version: i64,
    },
    /// A row does not mean what its table says.
    #[error("corrupt data in table {table}, column {column}, row {row}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key: an id of ours, never a value from outside.
        row: String,
    },
    /// Migrating failed.
    #[error("the database {path} can't be migrated", path = path.display())]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// What the migrator said.
        source: sqlx::migrate::MigrateError,
    },
    /// The directory of a database can't be made or read.
    #[error("the directory {path} can't be used", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else the driver reports.
    #[error("the database failed")]
    Sqlx(#[source] sqlx::Error),
}

impl DbError {
    /// A value that does not fit its column's meaning, for `TryFrom<Row>`.
    pub fn corrupt(table: &'static str, column: &'static str, row: impl std::fmt::Display) -> Self {
        Self::Corrupt { table, column, row: row.to_string() }
    }

    /// Whether the same transaction may succeed if it is run again.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match cause(&error) {
            Some(Cause::Busy) => Self::Busy(error),
            Some(Cause::Full) => Self::Full(error),
            None => Self::Sqlx(error),
        }
    }
}

/// The name of the constraint or unique index that an error of the driver reports, for turning it into a client error
/// without a check-then-insert race. SQLite names columns (`table.column`), so compare with those.
pub fn violated(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?;
    error.is_unique_violation().then(|| {
        let message = error.message();
        message.rsplit_once(": ").map_or(message, |(_, columns)| columns).to_owned()
    })
}

/// The causes that this layer acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Busy,
    Full,
}

/// Looks through an error and its sources for one of the causes, so that a use case may wrap a database error as it likes.
pub(super) fn cause_in(error: &(dyn StdError + 'static)) -> Option<Cause> {
    let mut next = Some(error);
    while let Some(error) = next {
        let found = match error.downcast_ref::<DbError>() {
            Some(DbError::Busy(_)) => Some(Cause::Busy),
            Some(DbError::Full(_)) => Some(Cause::Full),
            _ => error.downcast_ref::<sqlx::Error>().and_then(cause),
        };
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

// SQLite's primary result codes: <https://www.sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const FULL: i32 = 13;

/// The cause that an error of the driver reports.
pub(super) fn cause(error: &sqlx::Error) -> Option<Cause> {
    match (error, code(error)) {
        (sqlx::Error::PoolTimedOut, _) | (_, Some(BUSY | LOCKED)) => Some(Cause::Busy),
        (_, Some(FULL)) => Some(Cause::Full),
        _ => None,
    }
}

/// The primary result code; extended codes keep it in their low byte.
fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}
