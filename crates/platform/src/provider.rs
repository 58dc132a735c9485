//! The provider database: the one database outside of the tenants. Its tables stand in `migrations/provider`; which
//! tenants exist is read through [`crate::tenants`].

use std::path::Path;
use std::sync::LazyLock;

use siegel_domain::{TenantId, Timestamp};

#[cfg(feature = "real")]
use crate::db::Home;
use crate::db::{self, Db, DbError, DbOptions, Migrations, Tx};
use crate::files;

/// The provider database's migrations.
pub static MIGRATIONS: LazyLock<Migrations> = LazyLock::new(|| {
    crate::db::embedded(&[
        (1, "provider", include_str!("../migrations/provider/0001_provider.sql")),
        (2, "dealer api", include_str!("../migrations/provider/0002_dealer_api.sql")),
        (3, "dealer logins", include_str!("../migrations/provider/0003_dealer_logins.sql")),
        (4, "owner code", include_str!("../migrations/provider/0004_owner_code.sql")),
        (5, "quota", include_str!("../migrations/provider/0005_quota.sql")),
    ])
});

/// Opens `provider.db` in the state directory. All programs on a directory share this one database, so one of them at a
/// time brings it up to date.
pub async fn open(state_dir: &Path, options: DbOptions) -> Result<Db, DbError> {
    #[cfg(feature = "real")]
    if let Home::Cluster(cluster) = &options.home {
        let cluster = cluster.clone();
        return Db::open_provider(&cluster, &MIGRATIONS, options).await;
    }
    let lock = state_dir.join("provider.lock");
    let _alone = files::lock(&lock).map_err(|source| DbError::Directory { path: lock, source })?;
    Db::open(&state_dir.join("provider.db"), &MIGRATIONS, options).await
}

/// Asks to be woken for a tenant at `due`, at the latest: an earlier wake-up stays.
pub async fn wake_at(tx: &mut Tx<'_>, tenant: TenantId, service: &str, due: Timestamp) -> Result<(), DbError> {
    db::query(
        "INSERT INTO wakeups (tenant, service, due_ms) VALUES ($1, $2, $3)
         ON CONFLICT (tenant, service) DO UPDATE SET due_ms = excluded.due_ms WHERE excluded.due_ms < wakeups.due_ms",
    )
    .bind(tenant.to_string())
    .bind(service)
    .bind(due.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes a wake-up back once its work is done, unless a later call moved it past `until`.
pub async fn woken(tx: &mut Tx<'_>, tenant: TenantId, service: &str, until: Timestamp) -> Result<(), DbError> {
    db::query("DELETE FROM wakeups WHERE tenant = $1 AND service = $2 AND due_ms <= $3")
        .bind(tenant.to_string())
        .bind(service)
        .bind(until.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The tenants that `service` has to look at by `now`, the longest waiting first, at most `limit`.
pub async fn due(db: &Db, service: &str, now: Timestamp, limit: u32) -> Result<Vec<TenantId>, DbError> {
    let rows: Vec<(String,)> =
        db::query_as("SELECT tenant FROM wakeups WHERE service = $1 AND due_ms <= $2 ORDER BY due_ms LIMIT $3")
            .bind(service)
            .bind(now.0)
            .bind(limit)
            .fetch_all(db.reader())
            .await?;
    rows.into_iter().map(|(id,)| id.parse().map_err(|_| DbError::corrupt("wakeups", "tenant", "?"))).collect()
}
