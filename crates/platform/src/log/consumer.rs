//! A consumer: effects and position in one transaction of the consumer's own database, so that each event has its effect
//! once, whatever is killed when. An event it can't make sense of is parked and counted, and the next ones go on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prost::Message;
use siegel_domain::{TenantId, Timestamp};
use siegel_proto::events::v1::Event;

use super::feed::{Log, LogError, News, Stored};
use crate::backlog::{Backlog, Unread};
use crate::clock::SharedClock;
use crate::db::{self, DbError, TenantDbs, Tx};
use crate::metrics::{Metrics, Name};
use crate::telemetry;

/// Events handled in one transaction: one sync of the disk for all of them, and a bound on what a kill repeats.
const BATCH: u32 = 200;
/// Batches of one tenant in a run, so that a busy tenant does not starve the others.
const BATCHES: u32 = 5;

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// It will never be handled by this version: it is parked, and the next ones go on. The reason is a constant.
    #[error("can't be handled: {0}")]
    Poison(&'static str),
    /// The database: the batch is tried again later.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What a consumer does with an event.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Writes the event's effects into `tx`, the consumer's own database of the event's tenant. Nothing else: it may run
    /// again. Kinds of events that it does not know or need are skipped with `Ok`.
    async fn handle(&self, tx: &mut Tx<'_>, tenant: TenantId, event: &Event) -> Result<(), HandleError>;
}

/// A named consumer of a service. Its database has the tables of [`super::CONSUMER_SQL`].
pub struct Consumer {
    name: &'static str,
    log: Arc<Log>,
    sources: Vec<&'static str>,
    own: Arc<TenantDbs>,
    handler: Arc<dyn Handler>,
    clock: SharedClock,
    news: News,
    sweep: AtomicBool,
    unread: Unread,
    parked: Counter,
    handled: Counter,
}

impl Consumer {
    /// A consumer that hears `sources` of each tenant and keeps its place in `own`.
    pub fn new(
        name: &'static str,
        log: Arc<Log>,
        sources: Vec<&'static str>,
        own: Arc<TenantDbs>,
        handler: Arc<dyn Handler>,
        clock: SharedClock,
    ) -> Self {
        let news = log.subscribe();
        let (parked, handled) = (Counter::default(), Counter::default());
        let (unread, sweep) = (Unread::new(clock.clone()), AtomicBool::new(true));
        Self { name, log, sources, own, handler, clock, news, sweep, unread, parked, handled }
    }

    /// Shows what was handled and parked, and how long events lie unread, at `/metrics`, in families that all consumers of the process share.
    pub fn counted_in(mut self, metrics: &ConsumerMetrics) -> Self {
        let name = Name { name: self.name };
        self.handled = metrics.handled.get_or_create(&name).clone();
        self.parked = metrics.parked.get_or_create(&name).clone();
        metrics.backlog.show(self.name, self.unread.clone());
        self
    }

    /// The consumer's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many events were parked since the start.
    pub fn parked(&self) -> u64 {
        self.parked.get()
    }

    /// Completes when there may be something to do.
    pub async fn wait(&self) {
        if !self.sweep.load(Ordering::Relaxed) {
            self.news.wait().await;
        }
    }

    /// Makes the next run look at every tenant, not only at those that were heard of. The first run does anyway.
    pub fn sweep(&self) {
        self.sweep.store(true, Ordering::Relaxed);
    }

    /// Handles what is there, for every tenant with news. Returns the number of events; a tenant whose database fails is
    /// left for the next run and harms no other.
    pub async fn run_once(&self) -> Result<usize, LogError> {
        let mut pairs: BTreeSet<_> = self.news.take();
        pairs.retain(|(source, _)| self.sources.contains(source));
        if self.sweep.swap(false, Ordering::Relaxed) {
            for &source in &self.sources {
                pairs.extend(self.log.tenants(source).await?.into_iter().map(|tenant| (source, tenant)));
            }
        }
        self.unread.heard(&pairs);
        let mut done = 0;
        for (source, tenant) in pairs {
            match self.run_tenant(source, tenant).await {
                Ok((events, false)) => {
                    done += events;
                    self.unread.through(source, tenant);
                }
                Ok((events, true)) => {
                    done += events;
                    self.news.put_back(source, tenant);
                }
                Err(LogError::Db(DbError::NoSuchTenant)) => self.unread.through(source, tenant), // given up meanwhile
                Err(error) => {
                    tracing::warn!(consumer = self.name, source, %tenant, %error, "events wait");
                    self.sweep();
                }
            }
        }
        Ok(done)
    }

    /// Handles a tenant's events of one source. Returns how many, and whether there are more.
    pub async fn run_tenant(&self, source: &'static str, tenant: TenantId) -> Result<(usize, bool), LogError> {
        let mut total = 0;
        for _ in 0..BATCHES {
            let after = self.position(source, tenant).await?;
            let batch = self.log.read(source, tenant, after, BATCH).await?;
            if let Some(first) = batch.first() {
                self.unread.first(source, tenant, Timestamp(first.event.time_ms));
            }
            let more = batch.len() >= BATCH as usize;
            total += self.deliver(source, tenant, &batch).await?;
            if !more {
                return Ok((total, false));
            }
        }
        Ok((total, true))
    }

    /// Handles `batch` in one transaction, skipping what lies at or before the position that the transaction finds: a
    /// delivery that comes twice, or to two replicas, has one effect. Returns how many had theirs now.
    pub async fn deliver(&self, source: &'static str, tenant: TenantId, batch: &[Stored]) -> Result<usize, LogError> {
        let Some(last) = batch.last() else { return Ok(0) };
        let db = self.own.get(tenant).await?;
        let (fresh, parked) = db
            .tx("log.consume", |tx| {
                Box::pin(async move { self.apply_all(tx, source, tenant, batch, last.position).await })
            })
            .await?;
        self.handled.inc_by(fresh as u64);
        self.parked.inc_by(parked);
        Ok(fresh)
    }

    /// The last position whose event had its effect.
    pub async fn position(&self, source: &'static str, tenant: TenantId) -> Result<i64, LogError> {
        let db = self.own.get(tenant).await?;
        let position = db::query_scalar("SELECT position FROM positions WHERE consumer = $1 AND source = $2")
            .bind(self.name)
            .bind(source)
            .fetch_optional(db.reader())
            .await?;
        Ok(position.unwrap_or(0))
    }

    /// Returns how many events had their effects or were parked, and how many were parked.
    async fn apply_all(
        &self,
        tx: &mut Tx<'_>,
        source: &str,
        tenant: TenantId,
        batch: &[Stored],
        last: i64,
    ) -> Result<(usize, u64), DbError> {
        let seen = position_in(tx, self.name, source).await?;
        let (mut fresh, mut parked) = (0, 0);
        for stored in batch.iter().filter(|stored| stored.position > seen) {
            parked += u64::from(!self.apply(tx, source, tenant, stored).await?);
            fresh += 1;
        }
        if last > seen {
            db::query(
                "INSERT INTO positions (consumer, source, position) VALUES ($1, $2, $3)
                 ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position",
            )
            .bind(self.name)
            .bind(source)
            .bind(last)
            .execute(&mut **tx)
            .await?;
        }
        Ok((fresh, parked))
    }

    /// One event under a savepoint, so that a poisonous one leaves no half effect. False: it was parked.
    async fn apply(&self, tx: &mut Tx<'_>, source: &str, tenant: TenantId, stored: &Stored) -> Result<bool, DbError> {
        let event = &stored.event;
        let span = tracing::info_span!("log.handle", consumer = self.name, event.id, event.r#type, %tenant);
        db::query("SAVEPOINT handling").execute(&mut **tx).await?;
        let handled = telemetry::caused_by(&event.traceparent, span, self.handler.handle(tx, tenant, event)).await;
        let reason = match handled {
            Ok(()) => None,
            Err(HandleError::Poison(reason)) => Some(reason),
            Err(HandleError::Db(error)) => return Err(error),
        };
        if let Some(reason) = reason {
            tracing::error!(consumer = self.name, source, %tenant, event.id, event.r#type, reason, "an event is parked");
            db::query("ROLLBACK TO handling").execute(&mut **tx).await?;
            self.park(tx, source, stored, reason).await?;
        }
        db::query("RELEASE handling").execute(&mut **tx).await?;
        Ok(reason.is_none())
    }

    async fn park(&self, tx: &mut Tx<'_>, source: &str, stored: &Stored, reason: &'static str) -> Result<(), DbError> {
        db::query(
            "INSERT INTO dead_letters (consumer, source, position, event_id, type, reason, parked_ms, data)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(self.name)
        .bind(source)
        .bind(stored.position)
        .bind(&stored.event.id)
        .bind(&stored.event.r#type)
        .bind(reason)
        .bind(self.clock.now().0)
        .bind(stored.event.encode_to_vec())
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}

async fn position_in(tx: &mut Tx<'_>, consumer: &str, source: &str) -> Result<i64, DbError> {
    let position = db::query_scalar("SELECT position FROM positions WHERE consumer = $1 AND source = $2")
        .bind(consumer)
        .bind(source)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(position.unwrap_or(0))
}

/// The families of numbers that the consumers of a process share.
#[derive(Clone)]
pub struct ConsumerMetrics {
    handled: Family<Name, Counter>,
    parked: Family<Name, Counter>,
    backlog: Backlog,
}

impl ConsumerMetrics {
    /// Registers them; once a process.
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            handled: metrics.register("events_handled", "Events handled, by consumer", Family::default()),
            parked: metrics.register("events_parked", "Events no consumer could make sense of", Family::default()),
            backlog: Backlog::new(metrics),
        }
    }
}
