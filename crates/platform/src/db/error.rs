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
    /// The database can't be reached, or did not answer in time: then what was asked may have happened, which the caller's
    /// idempotency key settles. It is back within a minute if it fails over (503, Retry-After).
    #[error("the database can't be reached")]
    Unavailable(#[source] sqlx::Error),
    /// A column that is not there or of another type: a mistake in the program.
    #[error("column {column} is not there, or of another type")]
    Column {
        /// Its name.
        column: String,
    },
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

    /// Whether PostgreSQL does not know a role by that password: it was replaced a moment ago, or nobody made the role so far.
    pub fn is_wrong_password(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        error.as_database_error().and_then(|error| error.code()).as_deref() == Some(WRONG_PASSWORD)
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
            Some(Cause::Away) => Self::Unavailable(error),
            None => Self::Sqlx(error),
        }
    }
}

/// The unique columns that an error reports, as `table.column`, for turning it into a client error without a
/// check-then-insert race.
pub fn violated(error: &DbError) -> Option<String> {
    let DbError::Sqlx(error) = error else { return None };
    let error = error.as_database_error()?;
    if !error.is_unique_violation() {
        return None;
    }
    let Some((table, constraint)) = error.table().zip(error.constraint()) else {
        // SQLite says: UNIQUE constraint failed: table.column
        let message = error.message();
        return Some(message.rsplit_once(": ").map_or(message, |(_, columns)| columns).to_owned());
    };
    // PostgreSQL names the constraint of a column table_column_key, if nobody named it.
    let column = constraint.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')).unwrap_or(constraint);
    Some(format!("{table}.{}", column.strip_suffix("_key").unwrap_or(column)))
}

/// The causes that this layer acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Another one's transaction is in the way: run it again.
    Busy,
    /// No room.
    Full,
    /// Nobody answers.
    Away,
}

/// Looks through an error and its sources for one of the causes, so that a use case may wrap a database error as it likes.
pub(super) fn cause_in(error: &(dyn StdError + 'static)) -> Option<Cause> {
    let mut next = Some(error);
    while let Some(error) = next {
        let found = match error.downcast_ref::<DbError>() {
            Some(DbError::Busy(_)) => Some(Cause::Busy),
            Some(DbError::Full(_)) => Some(Cause::Full),
            Some(DbError::Unavailable(_)) => Some(Cause::Away),
            _ => error.downcast_ref::<sqlx::Error>().and_then(cause),
        };
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

/// Whether an error, or what it wraps, says that nobody answers: for whoever may wait for that to pass.
pub(crate) fn is_away(error: &(dyn StdError + 'static)) -> bool {
    cause_in(error) == Some(Cause::Away)
}

/// The cause that an error of a driver reports.
pub(super) fn cause(error: &sqlx::Error) -> Option<Cause> {
    let code = error.as_database_error().and_then(|error| error.code());
    match (error, code.as_deref()) {
        (sqlx::Error::PoolTimedOut, _) => Some(Cause::Busy),
        (sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed, _) => {
            Some(Cause::Away)
        }
        // A front that has no server behind it closes the line where an answer should begin: the driver reads nothing, and
        // reports that it makes no sense (seen in every failover behind haproxy).
        (sqlx::Error::Protocol(_), _) => Some(Cause::Away),
        // PostgreSQL: <https://www.postgresql.org/docs/15/errcodes-appendix.html>. Its codes have five characters.
        (_, Some(code)) if code.len() == 5 => match code {
            "40001" | "40P01" | "55P03" => Some(Cause::Busy),
            "53100" => Some(Cause::Full),
            // No longer the primary, shutting down or starting up, too many connections, a database that an administrator has
            // closed to connections (of 55000 the one case that a use case of ours can meet), a connection that broke.
            "25006" | "53300" | "55000" | "57P01" | "57P02" | "57P03" => Some(Cause::Away),
            // A password that was replaced a moment ago: who asks again has the new one.
            WRONG_PASSWORD => Some(Cause::Away),
            // "cannot use serializable mode in a hot standby": a front that still, or already, leads to one that does not lead.
            "0A000" if error.as_database_error().is_some_and(|error| error.message().contains("hot standby")) => {
                Some(Cause::Away)
            }
            code if code.starts_with("08") => Some(Cause::Away),
            _ => None,
        },
        // SQLite's result codes: <https://www.sqlite.org/rescode.html>. Extended ones keep the primary code in their low byte.
        (_, Some(code)) => match code.parse::<i32>().map(|code| code & 0xff) {
            Ok(BUSY | LOCKED) => Some(Cause::Busy),
            Ok(FULL) => Some(Cause::Full),
            _ => None,
        },
        _ => None,
    }
}

/// PostgreSQL's invalid_password, also for a role that is not there.
const WRONG_PASSWORD: &str = "28P01";

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const FULL: i32 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_breaks_anywhere_is_a_database_that_is_away() {
        let broken = [
            sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()),
            sqlx::Error::Protocol("unexpected response from SSLRequest: 0x00".to_owned()),
            sqlx::Error::WorkerCrashed,
        ];
        for error in broken {
            assert!(matches!(DbError::from(error), DbError::Unavailable(_)));
        }
        assert!(matches!(DbError::from(sqlx::Error::RowNotFound), DbError::Sqlx(_)));
    }
}
