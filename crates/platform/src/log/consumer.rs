//! A consumer: effects and position in one transaction of the consumer's own database, so that each event has its effect
//! once, whatever is killed when. An event it can't make sense of is parked and counted, and the next ones go on.

#[cfg(feature = "real")]
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use siegel_domain::{TenantId, Timestamp};
use siegel_proto::events::v1::Event;

use super::carrier::Carrier;
use super::feed::{Log, LogError, News, Stored};
use crate::backlog::{Backlog, Unread};
use crate::clock::SharedClock;
use crate::db::{self, Db, DbError, TenantDbs, Tx};
use crate::metrics::{Metrics, Name};
use crate::telemetry;
use crate::tenants::Tenants;

/// Events handled in one transaction: one sync of the disk for all of them, and a bound on what a kill repeats.
const BATCH: u32 = 200;
/// Batches of one tenant in a run, so that a busy tenant does not starve the others.
const BATCHES: u32 = 5;

/// How often a consumer looks whether dead letters are to be handled anew.
const REDRIVE_EVERY_MS: i64 = 5_000;

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
    carrier: Carrier,
    sweep: AtomicBool,
    redriving: Option<Redriving>,
    unread: Unread,
    parked: Counter,
    handled: Counter,
}

impl Consumer {
    /// A consumer that hears `sources` of each tenant and keeps its place in `own`. `name` begins with the service's, by which
    /// Kafka lets it in.
    pub fn new(
        name: &'static str,
        log: Arc<Log>,
        sources: Vec<&'static str>,
        own: Arc<TenantDbs>,
        handler: Arc<dyn Handler>,
        clock: SharedClock,
    ) -> Self {
        let carrier = log.carrier(own.service(), name, &sources);
        // What Kafka brings need not be looked for.
        let news = if matches!(carrier, Carrier::Outboxes) { log.subscribe() } else { News::deaf() };
        let (parked, handled) = (Counter::default(), Counter::default());
        let (unread, sweep) = (Unread::new(clock.clone()), AtomicBool::new(true));
        Self { name, log, sources, own, handler, clock, news, carrier, sweep, redriving: None, unread, parked, handled }
    }

    /// Shows what was handled and parked, and how long events lie unread, at `/metrics`, in families that all consumers of the process share.
    pub fn counted_in(mut self, metrics: &ConsumerMetrics) -> Self {
        let name = Name { name: self.name };
        self.handled = metrics.handled.get_or_create(&name).clone();
        self.parked = metrics.parked.get_or_create(&name).clone();
        metrics.backlog.show(self.name, self.unread.clone());
        self
    }

    /// Handles dead letters anew when somebody asks for it (`siegel-admin dlq redrive`): `tenants` says of whom.
    pub fn redriven_by(mut self, tenants: Arc<Tenants>) -> Self {
        self.redriving = Some(Redriving { tenants, next_ms: AtomicI64::new(i64::MIN) });
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
            tokio::select! {
                () = self.news.wait() => {}
                () = self.carrier.wait() => {}
            }
        }
    }

    /// Makes the next run look at every tenant, not only at those that were heard of. The first run does anyway.
    pub fn sweep(&self) {
        self.sweep.store(true, Ordering::Relaxed);
    }

    /// Handles what is there, for every tenant with news. Returns the number of events; a tenant whose database fails is
    /// left for the next run and harms no other.
    pub async fn run_once(&self) -> Result<usize, LogError> {
        let mut done = self.redriven().await? + self.arrived().await?;
        // Nobody else remembers what was to be looked at.
        let pairs = self.due().await.inspect_err(|_| self.sweep())?;
        self.unread.heard(&pairs);
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

    /// Whose outboxes to look at.
    async fn due(&self) -> Result<BTreeSet<(&'static str, TenantId)>, LogError> {
        let mut due = self.news.take();
        due.retain(|(source, _)| self.sources.contains(source));
        let all = self.sweep.swap(false, Ordering::Relaxed);
        #[cfg(feature = "real")]
        if let Carrier::Kafka(subscription) = &self.carrier {
            for (source, partitions) in subscription.taken_over() {
                let tenants = if all { Vec::new() } else { self.log.tenants(source).await? };
                for tenant in tenants {
                    if partitions.contains(&subscription.partition(source, tenant).await?) {
                        due.insert((source, tenant));
                    }
                }
            }
        }
        if all {
            for &source in &self.sources {
                due.extend(self.log.tenants(source).await?.into_iter().map(|tenant| (source, tenant)));
            }
        }
        Ok(due)
    }

    /// Looks now and then whether somebody wants dead letters handled anew.
    async fn redriven(&self) -> Result<usize, LogError> {
        let Some(redriving) = &self.redriving else { return Ok(0) };
        let now_ms = self.clock.monotonic_ms();
        if redriving.next_ms.load(Ordering::Relaxed) > now_ms {
            return Ok(0);
        }
        redriving.next_ms.store(now_ms + REDRIVE_EVERY_MS, Ordering::Relaxed);
        self.redrive_due(&redriving.tenants).await
    }

    /// Handles what Kafka brought. Returns how many events had their effects; where one is missing, or a database away, the
    /// tenant's outbox is read instead, in this run or a later one.
    #[cfg(feature = "real")]
    async fn arrived(&self) -> Result<usize, LogError> {
        let Carrier::Kafka(subscription) = &self.carrier else { return Ok(0) };
        let arrivals = subscription.take(BATCH as usize).await;
        let mut of: BTreeMap<_, Vec<Delivery<'_>>> = BTreeMap::new();
        for arrival in &arrivals {
            let delivery = Delivery { stored: &arrival.message.stored, after: arrival.message.after };
            of.entry(arrival.pair()).or_default().push(delivery);
        }
        let mut done = 0;
        for ((source, tenant), deliveries) in of {
            match self.effect(source, tenant, &deliveries).await {
                Ok(Effect { fresh, gap }) => {
                    done += fresh;
                    if gap {
                        subscription.gap();
                        self.news.put_back(source, tenant);
                    }
                }
                Err(LogError::Db(DbError::NoSuchTenant)) => {} // given up meanwhile
                Err(error) => {
                    tracing::warn!(consumer = self.name, source, %tenant, %error, "events wait");
                    self.news.put_back(source, tenant);
                }
            }
        }
        subscription.handled(&arrivals);
        Ok(done)
    }

    #[cfg(not(feature = "real"))]
    #[expect(clippy::unused_async, reason = "nothing is carried without Kafka")]
    async fn arrived(&self) -> Result<usize, LogError> {
        Ok(0)
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
        let deliveries: Vec<_> = batch.iter().map(|stored| Delivery { stored, after: 0 }).collect();
        Ok(self.effect(source, tenant, &deliveries).await?.fresh)
    }

    async fn effect(
        &self,
        source: &'static str,
        tenant: TenantId,
        deliveries: &[Delivery<'_>],
    ) -> Result<Effect, LogError> {
        if deliveries.is_empty() {
            return Ok(Effect { fresh: 0, gap: false });
        }
        let db = self.own.get(tenant).await?;
        let apply = async |apart| {
            db.tx("log.consume", |tx| {
                Box::pin(async move { self.apply_all(tx, (source, tenant), deliveries, apart).await })
            })
            .await
        };
        let applied = match apply(false).await {
            // One of them is never handled. Undone as a whole and done event by event, the others have their effects.
            Err(HandleError::Poison(_)) => apply(true).await,
            applied => applied,
        };
        let (effect, parked) = match applied {
            Ok(applied) => applied,
            Err(HandleError::Db(error)) => return Err(error.into()),
            Err(HandleError::Poison(reason)) => unreachable!("apart from the others it is parked: {reason}"),
        };
        self.handled.inc_by(effect.fresh as u64);
        self.parked.inc_by(parked);
        Ok(effect)
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

    /// Returns the effect, and how many events were parked; only `apart` from one another can they be.
    async fn apply_all(
        &self,
        tx: &mut Tx<'_>,
        (source, tenant): (&str, TenantId),
        deliveries: &[Delivery<'_>],
        apart: bool,
    ) -> Result<(Effect, u64), HandleError> {
        let before = position_in(tx, self.name, source).await?;
        let (mut seen, mut parked, mut effect) = (before, 0, Effect { fresh: 0, gap: false });
        for delivery in deliveries {
            if delivery.stored.position <= seen {
                continue;
            }
            if delivery.after > seen {
                effect.gap = true;
                break;
            }
            if apart {
                parked += u64::from(!self.apply(tx, source, tenant, delivery.stored).await?);
            } else {
                self.handle(tx, tenant, delivery.stored).await?;
            }
            effect.fresh += 1;
            seen = delivery.stored.position;
        }
        if seen > before {
            db::query(
                "INSERT INTO positions (consumer, source, position) VALUES ($1, $2, $3)
                 ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position",
            )
            .bind(self.name)
            .bind(source)
            .bind(seen)
            .execute(&mut **tx)
            .await?;
        }
        Ok((effect, parked))
    }

    /// One event under a savepoint, so that a poisonous one leaves no half effect. False: it was parked.
    pub(super) async fn apply(
        &self,
        tx: &mut Tx<'_>,
        source: &str,
        tenant: TenantId,
        stored: &Stored,
    ) -> Result<bool, DbError> {
        db::query("SAVEPOINT handling").execute(&mut **tx).await?;
        let reason = match self.handle(tx, tenant, stored).await {
            Ok(()) => None,
            Err(HandleError::Poison(reason)) => Some(reason),
            Err(HandleError::Db(error)) => return Err(error),
        };
        if let Some(reason) = reason {
            let event = &stored.event;
            tracing::error!(consumer = self.name, source, %tenant, event.id, event.r#type, reason, "an event is parked");
            db::query("ROLLBACK TO handling").execute(&mut **tx).await?;
            self.park(tx, source, stored, reason).await?;
        }
        db::query("RELEASE handling").execute(&mut **tx).await?;
        Ok(reason.is_none())
    }

    async fn handle(&self, tx: &mut Tx<'_>, tenant: TenantId, stored: &Stored) -> Result<(), HandleError> {
        let event = &stored.event;
        let span = tracing::info_span!("log.handle", consumer = self.name, event.id, event.r#type, %tenant);
        telemetry::caused_by(&event.traceparent, span, self.handler.handle(tx, tenant, event)).await
    }

    /// The consumer's own database of a tenant.
    pub(super) async fn database(&self, tenant: TenantId) -> Result<Arc<Db>, DbError> {
        self.own.get(tenant).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Who says whose dead letters are to be handled anew, and when to look next.
struct Redriving {
    tenants: Arc<Tenants>,
    next_ms: AtomicI64,
}

/// An event, and the position that must have been seen before it: 0 if it was read in order.
struct Delivery<'a> {
    stored: &'a Stored,
    after: i64,
}

/// What a delivery did.
struct Effect {
    /// So many events had their effects, or were parked.
    fresh: usize,
    /// One before them has not come: from there on nothing was done.
    gap: bool,
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

    /// Shows how long events lie that another reader of the outboxes has not dealt with.
    #[cfg(feature = "real")]
    pub(super) fn show(&self, name: &'static str, unread: Unread) {
        self.backlog.show(name, unread);
    }
}
