//! Makes tenants what they should be: one pass per tenant through the pipeline, when it is new, when it failed (with
//! growing pauses of its own, so that one broken tenant holds no other up), and now and then to find drift.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use siegel_crds::{Phase, Status};
use siegel_domain::TenantId;
use siegel_domain::time::{MINUTE_MS, SECOND_MS};
use siegel_platform::db::DbError;
use siegel_platform::log::emit;
use siegel_platform::tenants::{TenantState, TenantView};
use siegel_proto::events::v1::TenantChanged;
use siegel_proto::events::v1::event::Data;

use crate::app::App;
use crate::pipeline::status::{self, Verdict};
use crate::pipeline::{apply, dereference, plan, validate};
use crate::store;

/// Passes of one run: a bound on how long the worker is deaf to shutdown.
const BATCH: usize = 20;
/// The pause after the first failed pass; doubles up to [`SLOWEST_MS`].
const FIRST_PAUSE_MS: i64 = SECOND_MS;
const SLOWEST_MS: i64 = 5 * MINUTE_MS;

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Steps that were taken, done or not.
    pub steps: usize,
    /// Whether the status was written.
    pub status_written: bool,
    /// Whether nothing is left to do.
    pub settled: bool,
}

/// When each tenant is looked at next, on the monotonic clock. In memory: after a restart everything is looked at once.
#[derive(Default)]
pub struct Schedule(Mutex<HashMap<TenantId, Turn>>);

#[derive(Clone, Copy)]
struct Turn {
    failures: u32,
    next_ms: i64,
    version: i64,
}

impl Schedule {
    fn is_due(&self, tenant: &TenantView, now_ms: i64) -> bool {
        self.lock().get(&tenant.id).is_none_or(|turn| turn.next_ms <= now_ms || turn.version != tenant.version)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run of the worker: a pass for each tenant whose turn it is, at most a batch. Returns how many passes changed
/// anything.
pub async fn run_once(app: &App) -> Result<usize, DbError> {
    let now_ms = app.ctx.clock.monotonic_ms();
    let due: Vec<_> = app.ctx.tenants.list().into_iter().filter(|tenant| app.schedule.is_due(tenant, now_ms)).collect();
    let mut changed = 0;
    for tenant in due.iter().take(BATCH) {
        let result = pass(app, tenant.id).await;
        let settled = result.as_ref().is_ok_and(|pass| pass.as_ref().is_none_or(|pass| pass.settled));
        take_turn(app, tenant, settled);
        match result {
            Ok(Some(pass)) if pass.steps > 0 || pass.status_written => changed += 1,
            Ok(_) => {}
            Err(error) => tracing::error!(tenant = %tenant.id, %error, "a pass over a tenant failed"),
        }
    }
    let exist: std::collections::HashSet<_> = due.iter().map(|tenant| tenant.id).collect();
    app.schedule.lock().retain(|tenant, _| exist.contains(tenant) || app.ctx.tenants.get(*tenant).is_some());
    Ok(changed)
}

fn take_turn(app: &App, tenant: &TenantView, settled: bool) {
    let mut turns = app.schedule.lock();
    let turn = turns.entry(tenant.id).or_insert(Turn { failures: 0, next_ms: 0, version: tenant.version });
    turn.version = tenant.version;
    let pause_ms = if settled {
        turn.failures = 0;
        i64::from(app.config.resync_minutes) * MINUTE_MS
    } else {
        turn.failures += 1;
        (FIRST_PAUSE_MS << (turn.failures - 1).min(16)).min(SLOWEST_MS)
    };
    // Jitter of a fifth: a thousand tenants of one restart spread over the next rounds.
    turn.next_ms = app.ctx.clock.monotonic_ms() + pause_ms + app.ctx.rng.below(pause_ms / 5);
}

/// Keeps two passes over one tenant apart, the worker's and the one a dealer waits for: in the middle of the first a
/// directory looks as if somebody else had made it. A few locks for all tenants; two that share one wait for each other.
pub struct Turns([tokio::sync::Mutex<()>; 64]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| tokio::sync::Mutex::default()))
    }
}

impl Turns {
    fn of(&self, tenant: TenantId) -> &tokio::sync::Mutex<()> {
        &self.0[usize::from(tenant.as_bytes()[0]) % self.0.len()]
    }
}

/// One pass over one tenant. `None`: there is no such tenant.
#[tracing::instrument(skip_all, fields(%tenant))]
pub async fn pass(app: &App, tenant: TenantId) -> Result<Option<Pass>, DbError> {
    let _turn = app.turns.of(tenant).lock().await;
    let Some(view) = app.ctx.tenants.get(tenant) else { return Ok(None) };
    let object = store::object(&view)?;
    let zones = dereference::zone_facts(&app.ctx.zones);
    let was_open = object.status.phase == Phase::Ready;

    let (mut verdict, steps) = match validate::validate(&object.spec, &zones) {
        Err(refusal) => (status::refused(object.generation, &refusal, was_open), 0),
        Ok(()) => {
            let actual = dereference::actual(&app.ctx, tenant).await;
            let plan = plan::plan(&plan::wanted(zones.len()), &actual);
            let outcomes = apply::apply(&app.ctx, tenant, &plan).await;
            (status::judge(object.generation, &zones, &actual, &plan, &outcomes), outcomes.len())
        }
    };
    if view.state == TenantState::Suspended {
        verdict.phase = Phase::Suspended;
    }
    let settled = verdict.conditions.iter().all(|condition| condition.status == Status::True);
    let same = verdict.phase == object.status.phase && verdict.conditions == object.status.conditions;
    let status_written = !same && write(app, &view, &verdict).await?;
    Ok(Some(Pass { steps, status_written, settled }))
}

/// Writes the status and, if the phase changed, the event that tells of it, in one transaction.
async fn write(app: &App, view: &TenantView, verdict: &Verdict) -> Result<bool, DbError> {
    let (tenant, generation) = (view.id, view.version);
    let phase = verdict.phase.as_str().to_owned();
    let changed = store::phase(view.state) != verdict.phase;
    let event = app.source.event(tenant, tenant, Data::TenantChanged(TenantChanged { phase }));
    let event = &event;
    let written = app
        .ctx
        .tenants
        .change("tenant.status", |tx| {
            Box::pin(async move {
                let written = store::write_status(tx, tenant, generation, verdict).await?;
                if written && changed {
                    emit(tx, event.clone()).await?;
                }
                Ok::<_, DbError>(written)
            })
        })
        .await?;
    if written && changed {
        tracing::info!(phase = verdict.phase.as_str(), "a tenant's phase changed");
        app.relay_wake.notify_one();
    }
    Ok(written)
}
