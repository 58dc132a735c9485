//! Whose shred keys are still needed: records that are not gone, threads that are not erased.

use siegel_platform::db::DbError;
use sqlx::sqlite::SqliteExecutor;

/// Those of `owners` (ids of records and conversations) that no longer need a key, or never came to be.
pub async fn gone(db: impl SqliteExecutor<'_>, owners: &[String]) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar(
        "SELECT value FROM json_each($1)
         WHERE NOT EXISTS (SELECT 1 FROM records WHERE id = value AND state NOT IN ('gone', 'erased'))
           AND NOT EXISTS (SELECT 1 FROM conversations WHERE id = value AND erased_ms IS NULL)",
    )
    .bind(serde_json::Value::from(owners).to_string())
    .fetch_all(db)
    .await?)
}
