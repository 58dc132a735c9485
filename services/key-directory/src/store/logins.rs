//! What keeps guessing slow: charges by account, and tokens that are good once.

use siegel_platform::db::{self, DbError, Executor, Tx};

use crate::throttle::Charge;

/// The charge of an account; none yet is a clean one.
pub(crate) async fn charge(executor: impl Executor<'_>, account: &[u8]) -> Result<Charge, DbError> {
    let row: Option<(i64, i64)> = db::query_as("SELECT failures, last_ms FROM login_charges WHERE account = $1")
        .bind(account)
        .fetch_optional(executor)
        .await?;
    Ok(row.map_or_else(Charge::default, |(failures, last_ms)| Charge { failures, last_ms }))
}

pub(crate) async fn set_charge(tx: &mut Tx<'_>, account: &[u8], charge: Charge) -> Result<(), DbError> {
    db::query(
        "INSERT INTO login_charges (account, failures, last_ms) VALUES ($1, $2, $3)
         ON CONFLICT (account) DO UPDATE SET failures = excluded.failures, last_ms = excluded.last_ms",
    )
    .bind(account)
    .bind(charge.failures)
    .bind(charge.last_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses a token up; false: it was used. Forgets those that are expired anyway.
pub(crate) async fn use_once(tx: &mut Tx<'_>, token: &[u8], expires_ms: i64, now_ms: i64) -> Result<bool, DbError> {
    db::query("DELETE FROM used_once WHERE expires_ms < $1").bind(now_ms).execute(&mut **tx).await?;
    let done = db::query("INSERT INTO used_once (token, expires_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(token)
        .bind(expires_ms)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}
