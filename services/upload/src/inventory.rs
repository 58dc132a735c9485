//! Compares what lies in the zones with what the rows say, the other way round: an object that no row names and that is
//! older than any upload or repair takes was left by a crash, a lost answer or a late write, and is deleted. So is a shred
//! key whose record never came to be, or is gone.
//!
//! What is dated later than now was written under a clock that stood ahead. Nobody waits until then: its age is the time for
//! which we have known it.

use std::ops::RangeInclusive;

use siegel_domain::time::{DAY_MS, HOUR_MS};
use siegel_domain::{TenantId, Timestamp};
use siegel_platform::Problem;
use siegel_platform::clock::ClockState;
use siegel_platform::db::{Db, DbError};
use siegel_platform::zones::{Listed, Zone, ZoneError};

use crate::app::App;
use crate::store::{copies, owners, strays};

/// Every tenant is looked at once a day.
const ROUND_MS: i64 = DAY_MS;
/// Shred keys compared in one query.
const KEYS: u32 = 500;

/// A run of the worker: a few tenants of the round. Returns how many it looked at.
pub async fn run_once(app: &App) -> Result<usize, Problem> {
    // An object is deleted for its age: not while the clock may be wrong.
    if app.guard.check().map_err(Problem::internal)? != ClockState::Trusted {
        return Ok(0);
    }
    let tenants = app.inventory_rounds.take(app, ROUND_MS);
    for &tenant in &tenants {
        if let Err(error) = check_tenant(app, tenant).await {
            tracing::warn!(%tenant, %error, "a tenant's inventory failed; the next round tries again");
        }
    }
    Ok(tenants.len())
}

/// Deletes a tenant's orphans in both zones and its keys that open nothing. Returns how many objects.
pub async fn check_tenant(app: &App, tenant: TenantId) -> Result<usize, Problem> {
    let db = match app.dbs.get(tenant).await {
        Err(DbError::NoSuchTenant) => return Ok(0),
        db => db?,
    };
    let now = app.ctx.clock.now();
    let young = now.plus_ms(-i64::from(app.config.orphan_after_hours) * HOUR_MS)..=now;
    let mut deleted = 0;
    for zone in app.ctx.zones.both() {
        match check_zone(app, &db, tenant, zone, &young).await? {
            Ok(orphans) => deleted += orphans,
            Err(failure) => tracing::debug!(zone = zone.name, reason = failure.word(), "a zone is away"),
        }
    }
    check_keys(app, &db, tenant, &young).await?;
    if deleted > 0 {
        tracing::info!(%tenant, orphans = deleted, "objects without a row were deleted");
        app.metrics.orphans.inc_by(deleted as u64);
    }
    Ok(deleted)
}

async fn check_keys(app: &App, db: &Db, tenant: TenantId, young: &RangeInclusive<Timestamp>) -> Result<(), Problem> {
    let (before, now) = (*young.start(), *young.end());
    app.shred_keys.bring_back(tenant, now).await?;
    let mut after = String::new();
    loop {
        let keys = app.shred_keys.older(tenant, before, &after, KEYS).await?;
        let Some(last) = keys.last() else { return Ok(()) };
        after.clone_from(last);
        for owner in owners::gone(db.reader(), &keys).await? {
            tracing::info!(%tenant, owner, "a shred key that opens nothing is destroyed");
            app.shred_keys.destroy_older(tenant, &owner, before).await?;
        }
    }
}

async fn check_zone(
    app: &App,
    db: &Db,
    tenant: TenantId,
    zone: &Zone,
    young: &RangeInclusive<Timestamp>,
) -> Result<Result<usize, ZoneError>, Problem> {
    let (before, now) = (*young.start(), *young.end());
    let bucket = app.ctx.zones.bucket(tenant);
    let mut listing = match zone.list_outside(&bucket, young.clone()).await {
        Ok(listing) => listing,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut deleted = 0;
    loop {
        let page = match listing.next_page().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(failure) => return Ok(Err(failure)),
        };
        for Listed { name, written } in page {
            // The row is looked for last: an attempt in flight gets its row before it ends.
            if app.in_flight.contains(&name) || copies::knows(db.reader(), zone.name, &name).await? {
                continue;
            }
            if written > now && strays::known_since(db, zone.name, &name, now).await? >= before {
                continue;
            }
            if let Err(failure) = zone.delete(&bucket, &name).await {
                return Ok(Err(failure));
            }
            deleted += 1;
        }
    }
    strays::forget(db, zone.name, before).await?;
    match zone.clean(&bucket, young.clone()).await {
        Ok(inventory) => Ok(Ok(deleted + inventory.leftovers)),
        Err(failure) => Ok(Err(failure)),
    }
}
