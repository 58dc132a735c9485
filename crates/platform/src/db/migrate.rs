//! Brings a database to the version this program knows. Migrations are embedded; a database of a later version is
//! refused with a sentence rather than half understood.

use std::path::Path;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::SqlitePool;

use super::DbError;

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
