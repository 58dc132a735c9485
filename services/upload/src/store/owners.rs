//! Whose shred keys are still needed: records that are not gone, threads that are not erased.

use siegel_platform::db::{self, DbError, Reader};

/// Those of `owners` (ids of records and conversations) that no longer need a key, or never came to be.
pub async fn gone(reader: &Reader, owners: &[String]) -> Result<Vec<String>, DbError> {
    let mut gone = Vec::new();
    for owner in owners {
        let needed: i64 = db::query_scalar(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM records WHERE id = $1 AND state NOT IN ('gone', 'erased'))
                           OR EXISTS (SELECT 1 FROM conversations WHERE id = $1 AND erased_ms IS NULL) THEN 1 ELSE 0 END",
        )
        .bind(owner)
        .fetch_one(reader)
        .await?;
        if needed == 0 {
            gone.push(owner.clone());
        }
    }
    Ok(gone)
}
