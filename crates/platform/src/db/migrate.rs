//! Brings a database to the version this program knows. Migrations are embedded; a database of a later version is
//! refused with a sentence rather than half understood.

use std::path::Path;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::SqlitePool;

use super::DbError;

/// Migrations from the program's own text: version, what it is for, SQL. Written out rather than collected by sqlx's macro,
/// which needs sqlx and SQLite a second time for the compiler's machine: a minute and a half of a first build.
/// `cargo xtask check` finds a file that nobody lists.
pub fn embedded(files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(version, about, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, about.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

/// Runs what is missing.
pub(super) async fn run(pool: &SqlitePool, path: &Path, migrator: &'static Migrator) -> Result<(), DbError> {
    migrator.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => DbError::TooNew { path: path.to_owned(), version },
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => match DbError::from(source) {
            DbError::Sqlx(source) => DbError::Migrate { path: path.to_owned(), source: MigrateError::Execute(source) },
            told_apart => told_apart,
        },
        source => DbError::Migrate { path: path.to_owned(), source },
    })
}
