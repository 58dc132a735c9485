//! Reads what nobody reads: every copy is compared with its digest once in a while, without a key, at a bounded rate.
//! What is lost or rotten is noted, counted and left to the repair worker.

use siegel_domain::TenantId;
use siegel_domain::time::DAY_MS;
use siegel_envelope::part;
use siegel_platform::Problem;
use siegel_platform::db::{Db, DbError};
use siegel_platform::zones::{Zone, ZoneError};

use crate::app::App;
use crate::repair::note_damage;
use crate::store::copies::{self, Actual, CopyRow};
use crate::store::parts;

/// How often the worker runs; the bytes of a run follow from the configured rate.
pub const EVERY_MS: i64 = 10_000;
/// Copies of one tenant in one run.
const COPIES: u32 = 64;

/// A run of the worker: the copies that waited longest, up to this run's share of bytes. Returns zero, so that the loop
/// waits for the next run however much is left: that wait is the rate's other half.
pub async fn run_once(app: &App) -> Result<usize, Problem> {
    let share = app.config.scrub_bytes_per_second.saturating_mul(EVERY_MS as u64 / 1_000);
    let mut read = 0;
    for tenant in app.scrub_rounds.take(app, i64::from(app.config.scrub_every_days) * DAY_MS / 4) {
        app.to_scrub.mark(tenant);
    }
    for tenant in app.to_scrub.take() {
        if read >= share {
            app.to_scrub.mark(tenant);
            continue;
        }
        match scrub_tenant(app, tenant, share - read).await {
            Ok((bytes, left)) => {
                read += bytes;
                if left {
                    app.to_scrub.mark(tenant);
                }
            }
            Err(error) => {
                tracing::warn!(%tenant, %error, "a tenant could not be scrubbed; the next run tries again");
                app.to_scrub.mark(tenant);
            }
        }
    }
    Ok(0)
}

/// Compares a tenant's copies that were not compared for long, up to `share` bytes. Returns how many bytes it read, and
/// whether more are waiting.
pub async fn scrub_tenant(app: &App, tenant: TenantId, share: u64) -> Result<(u64, bool), Problem> {
    let db = match app.dbs.get(tenant).await {
        Err(DbError::NoSuchTenant) => return Ok((0, false)),
        db => db?,
    };
    let now = app.ctx.clock.now();
    let before = now.plus_ms(-i64::from(app.config.scrub_every_days) * DAY_MS);
    let (mut read, mut left) = (0, false);
    // Each zone has a list of its own: what one of them does not give back now holds nothing up in the other.
    for zone in app.ctx.zones.both() {
        let work = copies::to_scrub(db.reader(), zone.name, before, now, COPIES).await?;
        left |= work.len() == COPIES as usize;
        for copy in &work {
            if read >= share {
                return Ok((read, true));
            }
            match compare(app, &db, tenant, zone, copy).await? {
                Some(bytes) => read += bytes,
                None => break, // the next round asks the zone again, beginning with these
            }
        }
    }
    Ok((read, left))
}

/// Compares a copy with its digest. Returns its bytes; none if the zone does not give them now.
async fn compare(app: &App, db: &Db, tenant: TenantId, zone: &Zone, copy: &CopyRow) -> Result<Option<u64>, Problem> {
    let Some(row) = parts::find(db.reader(), copy.record, copy.part).await? else { return Ok(Some(0)) };
    let _held = app.budget.take(u64::from(row.sealed_bytes), app.budget_wait_ms()).await?;
    let bucket = app.ctx.zones.bucket(tenant);
    match zone.get(&bucket, &copy.object).await {
        Ok(bytes) if part::digest_of(&bytes).is_ok_and(|digest| digest == row.digest) => {}
        Ok(_) => note_damage(app, tenant, copy, Actual::Rot).await?,
        Err(ZoneError::Absent) => note_damage(app, tenant, copy, Actual::Lost).await?,
        Err(failure) => {
            tracing::debug!(zone = zone.name, reason = failure.word(), "a zone can't be scrubbed now");
            return Ok(None);
        }
    }
    let now = app.ctx.clock.now();
    let noted = db.tx("copies.looked-at", |tx| {
        Box::pin(async move { Ok::<_, Problem>(copies::looked_at(tx, &copy.zone, &copy.object, now).await?) })
    });
    noted.await?;
    app.metrics.scrubbed_bytes.inc_by(u64::from(row.sealed_bytes));
    Ok(Some(u64::from(row.sealed_bytes)))
}
