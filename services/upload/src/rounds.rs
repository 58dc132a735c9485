//! Which tenants background work looks at. Those it heard of come first ([`Marked`]); a slow round over all is the net
//! ([`Rounds`]), a few at a time, so that a thousand idle tenants are not opened at once.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use siegel_domain::TenantId;
use siegel_platform::tenants::TenantState;

use crate::app::App;

/// Tenants of one step of a round.
const STEP: usize = 20;

/// Tenants with something to do.
#[derive(Default)]
pub struct Marked(Mutex<BTreeSet<TenantId>>);

impl Marked {
    /// There is something to do for this one.
    pub fn mark(&self, tenant: TenantId) {
        lock(&self.0).insert(tenant);
    }

    /// Everyone marked since the last call.
    pub fn take(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut *lock(&self.0))
    }
}

/// A round over all tenants that begins anew every so often.
#[derive(Default)]
pub struct Rounds(Mutex<Round>);

#[derive(Default)]
struct Round {
    left: Vec<TenantId>,
    next_ms: Option<i64>,
}

impl Rounds {
    /// The next few tenants; none while the round is done and `every_ms` have not passed since it began.
    pub fn take(&self, app: &App, every_ms: i64) -> Vec<TenantId> {
        let mut round = lock(&self.0);
        let now_ms = app.ctx.clock.monotonic_ms();
        if round.left.is_empty() && round.next_ms.is_none_or(|next_ms| next_ms <= now_ms) {
            let open = |state| matches!(state, TenantState::Ready | TenantState::Suspended);
            round.left = app.ctx.tenants.list().iter().filter(|view| open(view.state)).map(|view| view.id).collect();
            round.next_ms = Some(now_ms + every_ms);
        }
        let keep = round.left.len().saturating_sub(STEP);
        round.left.split_off(keep)
    }

    /// The next [`Rounds::take`] begins a new round.
    pub fn begin_anew(&self) {
        lock(&self.0).next_ms = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
