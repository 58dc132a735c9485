//! Erases what fell due (C11), if the clock may be believed. When wall and monotonic clocks disagree (F15) nothing
//! expires, the tenants concerned are told once, and a gauge alarms, until `siegel-admin clock confirm`.
//!
//! Which tenant to open when stands in the provider database's wake-ups, so that idle tenants cost nothing. A sweep over
//! all tenants once a day, and after each start, is the net: no policy runs out sooner than that.

use std::sync::{Mutex, PoisonError};

use siegel_api::retention::EraseTarget;
use siegel_domain::time::{DAY_MS, HOUR_MS};
use siegel_domain::{JobId, RecordId, TenantId, Timestamp};
use siegel_platform::clock::{ClockGuardError, ClockState};
use siegel_platform::db::{self, Db, DbError};
use siegel_platform::log::{LogError, audit, emit};
use siegel_platform::provider;
use siegel_platform::tenants::TenantState;
use siegel_proto::events::v1::ExpiryHeld;
use siegel_proto::events::v1::event::Data;

use crate::app::App;
use crate::store::deadlines;
use crate::store::erasures::{self, Cause, NewErasure};

/// The name under which tenants are woken.
pub const SERVICE: &str = "retention";
/// Tenants whose sweep is part of one run.
const SWEPT: usize = 50;
/// Tenants that are due in one run. While expiry is held they stay due, and each has to be told.
const TENANTS: u32 = 500;
/// Records of one tenant in one run, so that a year's backlog of one does not starve the others.
const RECORDS: u32 = 100;

/// Why a run failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ExpireError {
    /// The clock's mark.
    #[error(transparent)]
    Clock(#[from] ClockGuardError),
    /// A database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The events of other services.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Where the sweep over all tenants is.
#[derive(Default)]
pub struct Sweep(Mutex<Round>);

#[derive(Default)]
struct Round {
    left: Vec<TenantId>,
    next_ms: Option<i64>,
}

impl Sweep {
    /// The next tenants of the round; a new round begins a day after the last.
    fn take(&self, app: &App) -> Vec<TenantId> {
        let mut round = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = app.ctx.clock.monotonic_ms();
        if round.next_ms.is_none_or(|next_ms| next_ms <= now_ms) {
            let open = |state| matches!(state, TenantState::Ready | TenantState::Suspended);
            round.left = app.ctx.tenants.list().iter().filter(|view| open(view.state)).map(|view| view.id).collect();
            round.next_ms = Some(now_ms + DAY_MS + app.ctx.rng.below(HOUR_MS));
        }
        let keep = round.left.len().saturating_sub(SWEPT);
        round.left.split_off(keep)
    }
}

/// A run of the worker. Returns how many records it began to erase, and tenants it swept.
pub async fn run_once(app: &App) -> Result<usize, ExpireError> {
    let state = app.guard.check()?;
    app.metrics.held(state);
    let now = app.ctx.clock.now();
    let swept = app.sweep.take(app);
    for &tenant in &swept {
        if let Err(error) = look(app, tenant, state, now).await {
            tracing::warn!(%tenant, %error, "a tenant could not be swept; the next round tries again");
        }
    }
    let due = provider::due(app.ctx.tenants.db(), SERVICE, now, TENANTS).await?;
    let mut begun = 0;
    for tenant in due {
        match expire_tenant(app, tenant, state, now).await {
            Ok(records) => begun += records,
            Err(ExpireError::Db(DbError::NoSuchTenant)) => sleep_until(app, tenant, now, None).await?,
            Err(error) => tracing::error!(%tenant, %error, "a tenant's expiry failed; it is tried again"),
        }
    }
    Ok(begun + swept.len())
}

/// Asks to be woken for a tenant's next deadline, brings back what a wrong clock put ahead, and takes up erasures that a
/// restart interrupted.
async fn look(app: &App, tenant: TenantId, state: ClockState, now: Timestamp) -> Result<(), ExpireError> {
    catch_up(app, tenant).await?;
    let db = app.dbs.get(tenant).await?;
    if state == ClockState::Trusted {
        deadlines::bring_back(&db, now).await?;
    }
    if erasures::any_running(&db).await? {
        app.erasing.wake(tenant);
    }
    sleep_until(app, tenant, now, deadlines::next(&db).await?).await?;
    Ok(())
}

async fn expire_tenant(app: &App, tenant: TenantId, state: ClockState, now: Timestamp) -> Result<usize, ExpireError> {
    catch_up(app, tenant).await?; // a fetch that was not heard of yet must count
    let db = app.dbs.get(tenant).await?;
    let due = deadlines::due(&db, now, RECORDS).await?;
    if !due.is_empty()
        && let ClockState::Held { off_by_ms } = state
    {
        tell_held(app, &db, tenant, now, off_by_ms).await?;
        return Ok(0); // the wake-up stays: whoever confirms the clock need not wait for the sweep
    }
    trust_again(&db).await?;
    for &record in &due {
        begin(app, &db, tenant, record, now).await?;
    }
    if !due.is_empty() {
        app.erasing.wake(tenant);
    }
    sleep_until(app, tenant, now, deadlines::next(&db).await?).await?;
    Ok(due.len())
}

async fn catch_up(app: &App, tenant: TenantId) -> Result<(), LogError> {
    while app.consumer.run_tenant("upload", tenant).await?.1 {}
    Ok(())
}

async fn begin(app: &App, db: &Db, tenant: TenantId, record: RecordId, now: Timestamp) -> Result<(), DbError> {
    let new = NewErasure {
        id: JobId::from_bytes(app.ctx.rng.bytes()),
        cause: Cause::Expired,
        target: EraseTarget::Record(record),
        second: None,
        actor: "platform".to_owned(),
        device: String::new(),
        created: now,
    };
    let entry = app.source.audit(tenant, "platform", None, "erasure.expire", record);
    let (new, entry) = (&new, &entry);
    db.tx("retention.expire", |tx| {
        Box::pin(async move {
            if erasures::existing(tx, &new.target).await?.is_none() {
                erasures::begin(tx, new).await?;
                audit(tx, entry.clone()).await?;
            }
            Ok::<_, DbError>(())
        })
    })
    .await
}

/// Tells the tenant once that its expiry is held, however long that lasts and whatever is restarted.
async fn tell_held(app: &App, db: &Db, tenant: TenantId, now: Timestamp, off_by_ms: i64) -> Result<(), DbError> {
    let held = ExpiryHeld { wall_ms: now.0, expected_ms: now.0.saturating_sub(off_by_ms) };
    let event = app.source.event(tenant, tenant, Data::ExpiryHeld(held));
    let event = &event;
    db.tx("retention.held", |tx| {
        Box::pin(async move {
            let told = db::query("INSERT INTO expiry_hold (one, since_ms) VALUES (1, $1) ON CONFLICT DO NOTHING")
                .bind(now.0)
                .execute(&mut **tx)
                .await?;
            if told.rows_affected() == 1 {
                emit(tx, event.clone()).await?;
            }
            Ok::<_, DbError>(())
        })
    })
    .await
}

async fn trust_again(db: &Db) -> Result<(), DbError> {
    let held: Option<(i64,)> = db::query_as("SELECT since_ms FROM expiry_hold").fetch_optional(db.reader()).await?;
    if held.is_some() {
        db.tx("retention.trusted", |tx| {
            Box::pin(async move {
                db::query("DELETE FROM expiry_hold").execute(&mut **tx).await?;
                Ok::<_, DbError>(())
            })
        })
        .await?;
    }
    Ok(())
}

/// Takes the wake-up back and asks for the next.
async fn sleep_until(app: &App, tenant: TenantId, now: Timestamp, next: Option<Timestamp>) -> Result<(), DbError> {
    app.ctx
        .tenants
        .db()
        .tx("retention.wake_at", |tx| {
            Box::pin(async move {
                provider::woken(tx, tenant, SERVICE, now).await?;
                if let Some(next) = next {
                    provider::wake_at(tx, tenant, SERVICE, next).await?;
                }
                Ok::<_, DbError>(())
            })
        })
        .await
}
