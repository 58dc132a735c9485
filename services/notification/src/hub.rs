//! Wakes the streams of a tenant when any service has committed events of it: one subscription to the log for the whole
//! process, and a counter for each tenant that somebody listens to. Also counts who listens, and says when it is enough.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::gauge::Gauge;
use siegel_domain::{Principal, TenantId};
use siegel_platform::log::News;
use siegel_platform::metrics::Metrics;
use siegel_platform::{Problem, Reason};
use tokio::sync::watch;

use crate::config::NotificationConfig;

/// Who listens to what.
pub struct Hub {
    config: NotificationConfig,
    listening: Mutex<Listening>,
    streams: Gauge,
}

#[derive(Default)]
struct Listening {
    tenants: HashMap<TenantId, Tenant>,
    principals: HashMap<Principal, usize>,
    total: usize,
}

struct Tenant {
    news: watch::Sender<u64>,
    streams: usize,
}

/// A place among the listeners; given back when dropped.
pub struct Seat {
    hub: Arc<Hub>,
    tenant: TenantId,
    principal: Principal,
    /// Changes when the tenant has news.
    pub news: watch::Receiver<u64>,
}

impl Hub {
    /// Nobody listens yet.
    pub fn new(config: NotificationConfig, metrics: &Metrics) -> Arc<Self> {
        let streams = metrics.register("event_streams", "Open streams of events", Gauge::default());
        Arc::new(Self { config, listening: Mutex::default(), streams })
    }

    /// Takes a place, unless there are too many.
    pub fn sit(self: &Arc<Self>, tenant: TenantId, principal: Principal) -> Result<Seat, Problem> {
        let mut listening = self.lock();
        let of_tenant = listening.tenants.get(&tenant).map_or(0, |tenant| tenant.streams);
        let of_principal = listening.principals.get(&principal).copied().unwrap_or(0);
        if listening.total >= self.config.streams {
            return Err(Problem::new(Reason::OverCapacity).retry_after_s(10));
        }
        if of_tenant >= self.config.streams_per_tenant || of_principal >= self.config.streams_per_principal {
            let sentence = "Too many streams of events are open; close one, or share one between programs.";
            return Err(Problem::new(Reason::RateLimited).detail(sentence).retry_after_s(10));
        }
        listening.total += 1;
        *listening.principals.entry(principal).or_default() += 1;
        let entry = listening.tenants.entry(tenant);
        let entry = entry.or_insert_with(|| Tenant { news: watch::Sender::new(0), streams: 0 });
        entry.streams += 1;
        let news = entry.news.subscribe();
        self.streams.inc();
        Ok(Seat { hub: self.clone(), tenant, principal, news })
    }

    /// Passes the log's news on. Returns how many tenants with listeners had some.
    pub fn pass_on(&self, news: &News) -> usize {
        let tenants: std::collections::BTreeSet<_> = news.take().into_iter().map(|(_, tenant)| tenant).collect();
        let listening = self.lock();
        let heard = tenants.iter().filter_map(|tenant| listening.tenants.get(tenant));
        heard.inspect(|tenant| tenant.news.send_modify(|count| *count += 1)).count()
    }

    /// How many streams are open.
    pub fn open(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut listening = self.hub.lock();
        listening.total -= 1;
        self.hub.streams.dec();
        if let Some(streams) = listening.principals.get_mut(&self.principal) {
            *streams -= 1;
            if *streams == 0 {
                listening.principals.remove(&self.principal);
            }
        }
        if let Some(tenant) = listening.tenants.get_mut(&self.tenant) {
            tenant.streams -= 1;
            if tenant.streams == 0 {
                listening.tenants.remove(&self.tenant);
            }
        }
    }
}
