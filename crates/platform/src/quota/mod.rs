//! What one institution may take of a process: requests and bytes by token buckets, requests that are not answered yet, and
//! records that are being uploaded. A noisy one gets 429 with `Retry-After` and waits for itself; the others do not notice
//! (FAULTS F42). The standard is configured ([`Quota`]); an institution's own setting is a percentage of it.
//!
//! ```text
//! auth::attach ─ caller known ─► enter ─ 429, or a Place: counts the body in, the answer out, and a request in flight
//! ```
//!
//! Each process counts for itself: nothing has to be asked or agreed on, and what replicas allow adds up
//! (docs/decisions/0006). Memory is bounded: whoever has used nothing for a while is forgotten, since a new account would be
//! the same. Only who is signed in has an account.

mod account;
mod bucket;
mod config;
mod counted;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use siegel_domain::{Principal, TenantId};

use crate::clock::SharedClock;
use crate::metrics::{Metrics, Name};
use crate::problem::{Problem, Reason};

use account::{Account, Used};
pub use config::Quota;
use counted::{Counted, announced};

/// How often accounts are looked at that nobody uses.
const FORGET_EVERY_MS: i64 = 60_000;
/// Until somebody else's answer is on its way.
const IN_FLIGHT_RETRY_S: u32 = 1;
/// Until somebody has committed a record: longer than a small one takes, shorter than people wait.
const RECORDS_RETRY_S: u32 = 10;

/// Whose share it is: an institution's, or that of a dealer, who belongs to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// All its members and senders together.
    Tenant(TenantId),
    /// Somebody of no institution.
    Principal(Principal),
}

/// The institution's own setting, in hundredths of the standard.
type PercentOf = Box<dyn Fn(TenantId) -> u32 + Send + Sync>;

/// The shares of everybody in a process.
pub struct Quotas {
    standard: Quota,
    percent_of: PercentOf,
    clock: SharedClock,
    accounts: Mutex<Accounts>,
    refused: Family<Name, Counter>,
    known: Gauge,
}

#[derive(Default)]
struct Accounts {
    by: HashMap<Whose, Arc<Account>>,
    forgotten_ms: i64,
}

impl Quotas {
    /// `standard` for everybody, times what `percent_of` says of an institution.
    pub fn new(
        standard: Quota,
        percent_of: impl Fn(TenantId) -> u32 + Send + Sync + 'static,
        clock: SharedClock,
        metrics: &Metrics,
    ) -> Self {
        Self {
            standard,
            percent_of: Box::new(percent_of),
            clock,
            accounts: Mutex::default(),
            refused: metrics.register("quota_refusals", "Requests beyond an institution's share", Family::default()),
            known: metrics.register("quota_accounts", "Institutions whose use is counted now", Gauge::default()),
        }
    }

    /// Lets a request in, or says when to come back: 429 `rate-limited`.
    pub fn enter(&self, whose: Whose, body: &Body) -> Result<Place, Problem> {
        let (account, announced) = (self.account(whose), announced(body));
        match account.enter(self.quota(whose), announced, self.clock.monotonic_ms()) {
            Ok(()) => Ok(Place { account, announced }),
            Err(used) => Err(self.refuse(used)),
        }
    }

    /// Records that the institution may have under way.
    pub fn records_in_flight(&self, tenant: TenantId) -> u64 {
        self.quota(Whose::Tenant(tenant)).records_in_flight
    }

    /// There are as many of them: 429 `rate-limited`.
    pub fn too_many_records(&self) -> Problem {
        self.refuse(Used::Records)
    }

    fn quota(&self, whose: Whose) -> Quota {
        match whose {
            Whose::Tenant(tenant) => self.standard.percent((self.percent_of)(tenant)),
            Whose::Principal(_) => self.standard,
        }
    }

    fn account(&self, whose: Whose) -> Arc<Account> {
        let now_ms = self.clock.monotonic_ms();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if now_ms.saturating_sub(accounts.forgotten_ms) >= FORGET_EVERY_MS {
            accounts.forgotten_ms = now_ms;
            // Whoever holds one may still count on it; new holders are made under this lock alone.
            accounts.by.retain(|_, account| Arc::strong_count(account) > 1 || !account.rests(now_ms));
        }
        let account = accounts.by.entry(whose).or_default().clone();
        self.known.set(i64::try_from(accounts.by.len()).unwrap_or(i64::MAX));
        account
    }

    fn refuse(&self, used: Used) -> Problem {
        self.refused.get_or_create(&Name { name: used.word() }).inc();
        let (what, wait_s) = match used {
            Used::Requests { wait_ms } => ("The institution sends more requests than its share.", seconds(wait_ms)),
            Used::Bytes { wait_ms } => ("The institution moves more bytes than its share.", seconds(wait_ms)),
            Used::InFlight => ("The institution waits for as many answers as it may.", IN_FLIGHT_RETRY_S),
            Used::Records => ("The institution has as many uploads under way as it may; commit some.", RECORDS_RETRY_S),
        };
        Problem::new(Reason::RateLimited).detail(what).retry_after_s(wait_s)
    }
}

/// Whole seconds, so that who waits them does not come too early.
fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.saturating_add(999) / 1_000).unwrap_or(u32::MAX).max(1)
}

/// A request that was let in. It is in flight until this is dropped; its bodies may be counted longer.
pub struct Place {
    account: Arc<Account>,
    announced: u64,
}

impl Place {
    /// The request's body, counted as it comes.
    pub fn incoming(&self, body: Body) -> Body {
        Body::new(Counted { inner: body, paid: self.announced, account: self.account.clone() })
    }

    /// The answer, counted as it goes. The request is no longer in flight.
    pub fn outgoing(self, answer: Response) -> Response {
        answer.map(|body| {
            let paid = announced(&body);
            self.account.spend(paid);
            Body::new(Counted { inner: body, paid, account: self.account.clone() })
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.account.leave();
    }
}
