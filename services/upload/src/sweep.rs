//! Sweeps uploads that nobody goes on with: open → sweeping → gone, objects deleted only after `sweeping` was committed,
//! so that a commit and a sweep can't both win. Also opens again what a killed process left `committing`.

use siegel_domain::time::HOUR_MS;
use siegel_domain::upload::RecordState;
use siegel_domain::{RecordId, TenantId, Timestamp};
use siegel_platform::Problem;
use siegel_platform::clock::ClockState;
use siegel_platform::db::{Db, DbError};
use siegel_platform::http::idempotency;
use siegel_platform::log;
use siegel_proto::events::v1::UploadSwept;
use siegel_proto::events::v1::event::Data;

use crate::app::App;
use crate::commit::reopen;
use crate::remove::remove;
use crate::store::{copies, parts, records};

/// A round over all tenants, as a net under those that were heard of.
const ROUND_MS: i64 = 24 * HOUR_MS;
/// Uploads of one tenant in one run.
const UPLOADS: u32 = 100;
/// Stored answers of one tenant that are forgotten in one run.
const ANSWERS: u32 = 1_000;

/// A run of the worker. Returns how many uploads it settled, and tenants it looked at in the round.
pub async fn run_once(app: &App) -> Result<usize, Problem> {
    let trusted = app.guard.check().map_err(Problem::internal)? == ClockState::Trusted;
    let round = app.sweep_rounds.take(app, ROUND_MS);
    let mut tenants = app.unfinished.take();
    tenants.extend(&round);
    let mut done = round.len();
    for tenant in tenants {
        match sweep_tenant(app, tenant, trusted).await {
            Ok((settled, left)) => {
                done += settled;
                if left {
                    app.unfinished.mark(tenant);
                }
            }
            Err(error) => {
                tracing::warn!(%tenant, %error, "a tenant's uploads could not be swept; the next run tries again");
                app.unfinished.mark(tenant);
            }
        }
    }
    app.close_idle().await;
    Ok(done)
}

/// Settles a tenant's unfinished uploads. Returns how many, and whether any are left to look at later.
pub async fn sweep_tenant(app: &App, tenant: TenantId, trusted: bool) -> Result<(usize, bool), Problem> {
    let db = match app.dbs.get(tenant).await {
        Err(DbError::NoSuchTenant) => return Ok((0, false)),
        db => db?,
    };
    let (now, ever) = (app.ctx.clock.now(), Timestamp(i64::MAX));
    let mut done = 0;
    for record in records::in_state(db.reader(), RecordState::Committing, ever, UPLOADS).await? {
        if !app.committing.contains(&(tenant, record)) && reopen(&db, record).await? {
            tracing::info!(%tenant, %record, "a commit that was cut off is open again");
            done += 1;
        }
    }
    if trusted {
        bring_back(&db, now).await?;
        let abandoned = now.plus_ms(-i64::from(app.config.abandoned_after_hours) * HOUR_MS);
        for record in records::in_state(db.reader(), RecordState::Open, abandoned, UPLOADS).await? {
            done += usize::from(begin(app, &db, tenant, record, abandoned).await?);
        }
    }
    for record in records::in_state(db.reader(), RecordState::Sweeping, ever, UPLOADS).await? {
        done += usize::from(finish(app, &db, tenant, record).await?);
    }
    idempotency::sweep(&db, now, ANSWERS).await?;
    let mut left = false;
    for state in [RecordState::Open, RecordState::Committing, RecordState::Sweeping] {
        left = left || !records::in_state(db.reader(), state, ever, 1).await?.is_empty();
    }
    Ok((done, left))
}

/// Nothing was touched later than now: an upload that a clock ahead stamped would otherwise stay until then.
async fn bring_back(db: &Db, now: Timestamp) -> Result<(), Problem> {
    if !records::touched_after(db.reader(), now).await? {
        return Ok(());
    }
    db.tx("upload.bring-back", |tx| Box::pin(async move { Ok(records::bring_back(tx, now).await?) })).await
}

/// From here on no part and no commit is taken. A part that came in between keeps the upload.
async fn begin(app: &App, db: &Db, tenant: TenantId, record: RecordId, abandoned: Timestamp) -> Result<bool, Problem> {
    db.tx("upload.sweep", |tx| {
        Box::pin(async move {
            let row = records::find(&mut **tx, record).await?;
            if row.is_none_or(|row| row.touched >= abandoned)
                || !records::step(tx, record, RecordState::Open, RecordState::Sweeping).await?
            {
                return Ok(false);
            }
            copies::unwant_all(tx, record).await?;
            log::audit(tx, app.source.audit(tenant, "platform", None, "upload.sweep", record)).await?;
            Ok::<_, Problem>(true)
        })
    })
    .await
}

/// Deletes the objects; once both zones are seen to be empty of them, the rows.
async fn finish(app: &App, db: &Db, tenant: TenantId, record: RecordId) -> Result<bool, Problem> {
    if !remove(app, db, tenant, record).await?.is_empty() {
        return Ok(false); // a zone is away
    }
    app.shred_keys.destroy(tenant, &record.to_string()).await?; // of a commit that was refused
    let event = &UploadSwept { record: record.to_string() };
    let swept = db.tx("upload.swept", |tx| {
        Box::pin(async move {
            if !records::step(tx, record, RecordState::Sweeping, RecordState::Gone).await? {
                return Ok(false);
            }
            parts::delete(tx, record).await?;
            copies::forget_absent(tx, record).await?;
            log::emit(tx, app.source.event(tenant, record, Data::UploadSwept(event.clone()))).await?;
            Ok::<_, Problem>(true)
        })
    });
    let swept = swept.await?;
    app.metrics.swept.inc_by(u64::from(swept));
    Ok(swept)
}
