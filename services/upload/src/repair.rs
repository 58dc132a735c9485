//! Makes whole what a zone lacks: copies that were not written because a zone was lost, and copies found lost or rotten.
//! A copy is made only from bytes that fit the digest, under a new name, and counts only if its record still lives in the
//! transaction that records it; otherwise it is taken away again. Nothing is resurrected, nothing is overwritten.

use bytes::Bytes;
use siegel_domain::TenantId;
use siegel_domain::time::HOUR_MS;
use siegel_domain::upload::RecordState;
use siegel_envelope::part;
use siegel_platform::Problem;
use siegel_platform::db::{Db, DbError};
use siegel_platform::log;
use siegel_platform::zones::{ObjectName, Zone, ZoneError};
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{CopyHealed, CopyMissing};

use crate::app::App;
use crate::put_part::surely_undone;
use crate::remove;
use crate::store::copies::{self, Actual, CopyRow};
use crate::store::parts::{self, PartRow};
use crate::store::records;

/// A round over all tenants, as a net under those that were heard of.
const ROUND_MS: i64 = 6 * HOUR_MS;
/// Copies of one tenant in one run.
const COPIES: u32 = 100;

/// A copy was found lost or rotten: written down, told and counted once, and the repair worker woken.
pub async fn note_damage(app: &App, tenant: TenantId, copy: &CopyRow, found: Actual) -> Result<(), Problem> {
    let db = app.dbs.get(tenant).await?;
    let (now, reason) = (app.ctx.clock.now(), found.as_str());
    let event = &CopyMissing { record: copy.record.to_string(), zone: copy.zone.clone(), reason: reason.to_owned() };
    let new = db.tx("copies.damaged", |tx| {
        Box::pin(async move {
            let new = copies::seen(tx, &copy.zone, &copy.object, found, now).await?;
            if new {
                log::emit(tx, app.source.event(tenant, copy.record, Data::CopyMissing(event.clone()))).await?;
            }
            Ok::<_, Problem>(new)
        })
    });
    if new.await? {
        tracing::error!(%tenant, record = %copy.record, part = copy.part, zone = copy.zone, reason, "a copy is damaged");
        app.metrics.damaged(&copy.zone, reason);
        app.mark_for_repair(tenant);
    }
    Ok(())
}

/// A run of the worker. Returns how many copies it made whole or took away, and tenants it looked at in the round.
pub async fn run_once(app: &App) -> Result<usize, Problem> {
    let round = app.repair_rounds.take(app, ROUND_MS);
    let mut tenants = app.to_repair.take();
    tenants.extend(&round);
    let mut done = round.len();
    for tenant in tenants {
        match repair_tenant(app, tenant).await {
            Ok((repaired, left)) => {
                done += repaired;
                if left {
                    app.to_repair.mark(tenant);
                }
            }
            Err(error) => {
                tracing::warn!(%tenant, %error, "a tenant's copies could not be repaired; the next run tries again");
                app.to_repair.mark(tenant);
            }
        }
    }
    Ok(done)
}

/// Repairs what it can. Returns how many, and whether anything is left.
pub async fn repair_tenant(app: &App, tenant: TenantId) -> Result<(usize, bool), Problem> {
    let db = match app.dbs.get(tenant).await {
        Err(DbError::NoSuchTenant) => {
            for zone in app.ctx.zones.both() {
                app.metrics.waiting(tenant, zone.name, 0);
            }
            return Ok((0, false));
        }
        db => db?,
    };
    let (mut done, mut left) = (0, false);
    // Each zone has a list of its own, so that one which takes nothing holds nothing up in the other.
    for zone in app.ctx.zones.both() {
        let work = copies::to_repair(db.reader(), zone.name, COPIES).await?;
        for copy in &work {
            if !zone.admits_writes() {
                break;
            }
            let repaired = if copy.wanted {
                heal(app, &db, tenant, zone, copy).await
            } else {
                take_away(app, &db, tenant, copy).await
            };
            if let Err(error) = &repaired {
                tracing::warn!(%tenant, record = %copy.record, part = copy.part, %error, "a copy could not be repaired");
            }
            if matches!(repaired, Ok(true)) {
                done += 1;
            } else {
                put_behind(app, &db, copy).await?;
            }
        }
        // Beyond this run's share, not to be healed now, or come while it looked at others: the next run's.
        let waiting = copies::waiting(db.reader(), zone.name).await?;
        app.metrics.waiting(tenant, zone.name, waiting);
        left |= waiting > 0;
    }
    Ok((done, left))
}

/// An object that was replaced goes, once a good one is there.
async fn take_away(app: &App, db: &Db, tenant: TenantId, copy: &CopyRow) -> Result<bool, Problem> {
    let bucket = app.ctx.zones.bucket(tenant);
    match remove::delete(app, &bucket, copy).await {
        Ok(gone) => {
            remove::note_gone(db, &[(copy, gone)]).await?;
            Ok(true)
        }
        Err(failure) => {
            tracing::debug!(zone = copy.zone, reason = failure.word(), "a replaced object waits to be deleted");
            Ok(false)
        }
    }
}

async fn heal(app: &App, db: &Db, tenant: TenantId, zone: &Zone, copy: &CopyRow) -> Result<bool, Problem> {
    let Some(part) = parts::find(db.reader(), copy.record, copy.part).await? else { return Ok(false) };
    let _held = app.budget.take(u64::from(part.sealed_bytes), app.budget_wait_ms()).await?;
    let bucket = app.ctx.zones.bucket(tenant);
    // The write's answer may have been lost, or the zone was wrong about it: then it is there already.
    if matches!(zone.get(&bucket, &copy.object).await, Ok(bytes) if is_right(&part, &bytes)) {
        return found_whole(app, db, tenant, copy).await;
    }
    match good_bytes(app, db, tenant, copy, &part).await? {
        Some(good) => replace(app, db, tenant, zone, copy, good).await,
        None => {
            tracing::error!(%tenant, record = %copy.record, part = copy.part, zone = copy.zone, "no good copy to heal from");
            Ok(false)
        }
    }
}

/// What can't be healed now waits behind what can.
async fn put_behind(app: &App, db: &Db, copy: &CopyRow) -> Result<(), Problem> {
    let now = app.ctx.clock.now();
    db.tx("copies.put-behind", |tx| {
        Box::pin(async move { Ok(copies::looked_at(tx, &copy.zone, &copy.object, now).await?) })
    })
    .await
}

/// Bytes of the part that fit its digest, from another copy.
async fn good_bytes(
    app: &App,
    db: &Db,
    tenant: TenantId,
    damaged: &CopyRow,
    part: &PartRow,
) -> Result<Option<Bytes>, Problem> {
    let bucket = app.ctx.zones.bucket(tenant);
    let copies = copies::of_part(db.reader(), damaged.record, damaged.part).await?;
    for copy in
        copies.iter().filter(|copy| copy.is_good() && copy.object != damaged.object || copy.zone != damaged.zone)
    {
        let Some(zone) = app.ctx.zones.by_name(&copy.zone) else { continue };
        match zone.get(&bucket, &copy.object).await {
            Ok(bytes) if is_right(part, &bytes) => return Ok(Some(bytes)),
            Ok(_) => note_damage(app, tenant, copy, Actual::Rot).await?,
            Err(ZoneError::Absent) => note_damage(app, tenant, copy, Actual::Lost).await?,
            Err(failure) => tracing::debug!(zone = zone.name, reason = failure.word(), "a good copy can't be read now"),
        }
    }
    Ok(None)
}

/// Writes the good bytes under a new name and lets that object count instead, if the record still lives.
async fn replace(
    app: &App,
    db: &Db,
    tenant: TenantId,
    zone: &Zone,
    old: &CopyRow,
    good: Bytes,
) -> Result<bool, Problem> {
    let bucket = app.ctx.zones.bucket(tenant);
    let object = &ObjectName::part(&*app.ctx.rng, old.part);
    let _in_flight = app.in_flight.begin(object.clone());
    if let Err(failure) = zone.put_new(&bucket, object, good).await {
        tracing::debug!(zone = zone.name, reason = failure.word(), "a copy can't be healed now");
        return Ok(false);
    }
    let now = app.ctx.clock.now();
    let event = &CopyHealed { record: old.record.to_string(), zone: old.zone.clone() };
    let counted = db.tx("copies.heal", |tx| {
        Box::pin(async move {
            let row = records::find(&mut **tx, old.record).await?;
            if !row.is_some_and(|row| lives(row.state)) || !copies::unwant(tx, &old.zone, &old.object).await? {
                return Ok(false);
            }
            copies::insert(tx, (old.record, old.part), &old.zone, object, Actual::Held, now).await?;
            log::emit(tx, app.source.event(tenant, old.record, Data::CopyHealed(event.clone()))).await?;
            Ok::<_, Problem>(true)
        })
    });
    let counted = counted.await;
    match &counted {
        Ok(true) => {}
        // Nobody knows: what was written is left to the inventory.
        Err(problem) if !surely_undone(problem) => return counted,
        // Erased or swept meanwhile, or healed by an attempt that nobody heard of: what no row names goes.
        Ok(false) | Err(_) => {
            if matches!(copies::knows(db.reader(), zone.name, object).await, Ok(false)) {
                let _ = zone.delete(&bucket, object).await; // if that fails, the inventory does it
            }
            return counted;
        }
    }
    healed(app, tenant, old);
    // The old object, if there is one, goes now or in the next run.
    let gone = CopyRow { wanted: false, ..old.clone() };
    take_away(app, db, tenant, &gone).await?;
    Ok(true)
}

/// The copy is there after all.
async fn found_whole(app: &App, db: &Db, tenant: TenantId, copy: &CopyRow) -> Result<bool, Problem> {
    let now = app.ctx.clock.now();
    let event = &CopyHealed { record: copy.record.to_string(), zone: copy.zone.clone() };
    let new = db.tx("copies.found", |tx| {
        Box::pin(async move {
            let new = copies::seen(tx, &copy.zone, &copy.object, Actual::Held, now).await?;
            if new {
                log::emit(tx, app.source.event(tenant, copy.record, Data::CopyHealed(event.clone()))).await?;
            }
            Ok::<_, Problem>(new)
        })
    });
    if new.await? {
        healed(app, tenant, copy);
    }
    Ok(true)
}

fn healed(app: &App, tenant: TenantId, copy: &CopyRow) {
    tracing::info!(%tenant, record = %copy.record, part = copy.part, zone = copy.zone, "a copy is whole again");
    app.metrics.healed(&copy.zone);
}

fn is_right(part: &PartRow, bytes: &[u8]) -> bool {
    part::digest_of(bytes).is_ok_and(|digest| digest == part.digest)
}

fn lives(state: RecordState) -> bool {
    matches!(state, RecordState::Open | RecordState::Committing | RecordState::Committed)
}
