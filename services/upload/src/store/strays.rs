//! Table `strays`: since when an object is known to lie in a zone that no row names and whose date lies ahead. A clock that
//! stood ahead has dated it, and it would otherwise stay for as long as that clock was ahead.

use siegel_domain::Timestamp;
use siegel_platform::db::{self, Db, DbError};
use siegel_platform::zones::ObjectName;

/// Since when the object is known, which is from now on if it was not. Nothing was found later than now.
pub async fn known_since(db: &Db, zone: &str, object: &ObjectName, now: Timestamp) -> Result<Timestamp, DbError> {
    db.tx("strays.known", |tx| {
        Box::pin(async move {
            let seen_ms: i64 = db::query_scalar(
                "INSERT INTO strays (zone, object, seen_ms) VALUES ($1, $2, $3)
                 ON CONFLICT (zone, object) DO UPDATE SET seen_ms =
                   CASE WHEN strays.seen_ms > excluded.seen_ms THEN excluded.seen_ms ELSE strays.seen_ms END
                 RETURNING seen_ms",
            )
            .bind(zone)
            .bind(object.as_str())
            .bind(now.0)
            .fetch_one(&mut **tx)
            .await?;
            Ok::<_, DbError>(Timestamp(seen_ms))
        })
    })
    .await
}

/// Forgets what was found before `before` in a zone: what was still a stray then has just been deleted.
pub async fn forget(db: &Db, zone: &str, before: Timestamp) -> Result<(), DbError> {
    let any: Option<(i64,)> = db::query_as("SELECT 1 FROM strays WHERE zone = $1 AND seen_ms < $2 LIMIT 1")
        .bind(zone)
        .bind(before.0)
        .fetch_optional(db.reader())
        .await?;
    if any.is_none() {
        return Ok(()); // nearly always, and then nothing is written
    }
    db.tx("strays.forget", |tx| {
        Box::pin(async move {
            let delete = db::query("DELETE FROM strays WHERE zone = $1 AND seen_ms < $2");
            delete.bind(zone).bind(before.0).execute(&mut **tx).await?;
            Ok::<_, DbError>(())
        })
    })
    .await
}
