//! Carries outboxes to Kafka: each tenant's in the order of its commits, by one replica at a time, moving the mark behind
//! what every in-sync broker has.
//!
//! A kill between the acknowledgement and the mark sends the same events again; consumers know them by their positions.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::{join_all, try_join_all};
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use siegel_domain::{TenantId, Timestamp};

use super::super::dead::is_any_uncopied;
use super::super::feed::{Log, LogError, News, Stored};
use super::super::wire::Message;
use super::client::{SignIn, Watch, let_go};
use super::{Kafka, KafkaFault, letters};
use crate::backlog::Unread;
use crate::db::{self, Db, DbError, TenantDbs};
use crate::worker::Worker;

/// The worker, and the reader of the outboxes that it is.
const NAME: &str = "log.relay";
/// Events in flight at once for a tenant: a bound on what a kill repeats.
const BATCH: u32 = 200;
/// Batches of a tenant in one turn, so that a busy one does not starve the others.
const BATCHES: u32 = 5;
/// Tenants carried side by side: one whose database is away must not hold up the others.
const BESIDE: usize = 8;
/// How long a killed relay's work lies before another one takes it up. Longer than [`DELIVERY_MS`].
const LEASE_MS: i64 = 15_000;
/// How long brokers may take for a message, all retries included.
const DELIVERY_MS: &str = "10000";
/// How often the relay looks without being woken.
const EVERY_MS: i64 = 5_000;
/// How often it looks at every tenant: the net, should a wake-up ever be lost.
const SWEEP_MS: i64 = 60 * 60 * 1_000;

/// The relay of all services of this process.
struct Relay {
    log: Arc<Log>,
    kafka: Arc<Kafka>,
    lanes: Vec<Lane>,
    news: News,
    holder: String,
    /// What waits to be carried, and since when.
    unread: Unread,
    /// What could not be carried: another replica holds the lease, a database or Kafka was away.
    later: Mutex<BTreeSet<(&'static str, TenantId)>>,
    sweep_at_ms: Mutex<i64>,
}

/// One service.
struct Lane {
    dbs: Arc<TenantDbs>,
    topic: String,
    /// Made anew when it has failed for good, and with a new password.
    producer: tokio::sync::Mutex<Option<Producing>>,
}

/// A producer, and what it signs in with.
#[derive(Clone)]
struct Producing {
    producer: FutureProducer<Watch>,
    sign_in: Arc<SignIn>,
}

/// How a tenant's turn ended.
enum Turn {
    /// Everything that was there is carried: so many events.
    Done(usize),
    /// There is more.
    More(usize),
    /// So many events; those behind them can't be read yet, since a transaction that began before theirs is under way.
    Held(usize),
    /// Another replica is at it.
    Leased,
}

/// The relay as background work.
pub(in crate::log) fn worker(kafka: Arc<Kafka>, log: Arc<Log>, services: Vec<Arc<TenantDbs>>) -> Worker {
    let lane = |dbs: Arc<TenantDbs>| Lane { topic: kafka.topic(dbs.service()), dbs, producer: Default::default() };
    let lanes = services.into_iter().map(lane).collect();
    let holder = format!("{:032x}", u128::from_be_bytes(kafka.env.rng.bytes()));
    let (news, later, sweep_at_ms) = (log.subscribe_here(), Mutex::default(), Mutex::new(i64::MIN));
    let unread = Unread::new(kafka.env.clock.clone());
    kafka.readers.show(NAME, unread.clone());
    let relay = Arc::new(Relay { log: log.clone(), kafka, lanes, news, holder, unread, later, sweep_at_ms });
    let worker = Worker::new(NAME, EVERY_MS, move || {
        let relay = relay.clone();
        async move { relay.run_once().await }
    });
    log.wake(worker.waker());
    worker
}

impl Relay {
    /// Carries what is there. Returns how many events; what fails is left for the next run and harms nobody else.
    async fn run_once(&self) -> Result<usize, LogError> {
        let due = self.due().await?;
        self.unread.heard(&due);
        let mut left: Vec<_> = due.into_iter().collect();
        let mut carried = 0;
        while !left.is_empty() {
            let some = left.split_off(left.len().saturating_sub(BESIDE));
            let turns = join_all(some.iter().map(|&(source, tenant)| self.turn(source, tenant).boxed())).await;
            for ((source, tenant), turn) in some.into_iter().zip(turns) {
                match turn {
                    Ok(Turn::Done(events)) => {
                        carried += events;
                        self.unread.through(source, tenant);
                    }
                    Ok(Turn::More(events)) => {
                        carried += events;
                        self.news.put_back(source, tenant);
                    }
                    Ok(Turn::Held(events)) => {
                        carried += events;
                        // Nobody wakes us when that transaction ends.
                        lock(&self.later).extend([(source, tenant)]);
                    }
                    Ok(Turn::Leased) => lock(&self.later).extend([(source, tenant)]),
                    Err(LogError::Db(DbError::NoSuchTenant)) => self.unread.through(source, tenant), // given up meanwhile
                    Err(error) => {
                        lock(&self.later).extend([(source, tenant)]);
                        if matches!(error, LogError::Kafka(_)) {
                            // The others would wait for the same.
                            lock(&self.later).extend(left);
                            return Err(error);
                        }
                        tracing::warn!(source, %tenant, %error, "events wait in the outbox");
                    }
                }
            }
        }
        Ok(carried)
    }

    /// Whose outboxes to look at.
    async fn due(&self) -> Result<BTreeSet<(&'static str, TenantId)>, LogError> {
        let mut due = self.news.take();
        due.retain(|(source, _)| self.lane(source).is_some());
        due.append(&mut lock(&self.later));
        let now_ms = self.kafka.env.clock.monotonic_ms();
        if *lock(&self.sweep_at_ms) <= now_ms {
            for lane in &self.lanes {
                let source = lane.dbs.service();
                due.extend(self.log.tenants(source).await?.into_iter().map(|tenant| (source, tenant)));
            }
            *lock(&self.sweep_at_ms) = now_ms + SWEEP_MS;
        }
        Ok(due)
    }

    fn lane(&self, source: &str) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.dbs.service() == source)
    }

    async fn turn(&self, source: &'static str, tenant: TenantId) -> Result<Turn, LogError> {
        let Some(lane) = self.lane(source) else { return Ok(Turn::Done(0)) };
        let db = lane.dbs.get(tenant).await?;
        let letters = self.log.consumes(source) && is_any_uncopied(&db).await?;
        let mark = mark(&db).await?;
        match self.log.read(source, tenant, mark, 1).await?.first() {
            Some(first) => self.unread.first(source, tenant, Timestamp(first.event.time_ms)),
            None if letters => {}
            None if holds(&db, mark).await? => return Ok(Turn::Held(0)),
            None => return Ok(Turn::Done(0)), // woken for nothing: no row is written
        }
        let now = self.kafka.env.clock.now();
        let Some(mut lease) = Lease::take(&db, &self.holder, now).await? else { return Ok(Turn::Leased) };
        let turn = self.events(lane, tenant, &db, &mut lease, letters).await?;
        if letters && !matches!(turn, Turn::Leased) {
            let producer = self.producer(lane).await?.producer;
            let copied = letters::copy(&self.kafka, source, &producer, &db, tenant).await;
            if let Err(error) = &copied {
                tracing::warn!(source, %tenant, %error, "dead letters wait to be copied");
            }
            if copied.unwrap_or(true) {
                lock(&self.later).extend([(source, tenant)]);
            }
            lease.moved(&db, lease.position, 0).await?;
        }
        Ok(turn)
    }

    /// Carries events, and lets the lease go at their end unless there is more to do.
    async fn events(
        &self,
        lane: &Lane,
        tenant: TenantId,
        db: &Db,
        lease: &mut Lease,
        more: bool,
    ) -> Result<Turn, LogError> {
        let source = lane.dbs.service();
        let mut carried = 0;
        for _ in 0..BATCHES {
            let batch = self.log.read(source, tenant, lease.position, BATCH).await?;
            if !batch.is_empty() {
                self.send(lane, tenant, lease.position, &batch).await.map_err(LogError::Kafka)?;
            }
            let full = batch.len() >= BATCH as usize;
            let until = if full || more { self.kafka.env.clock.now().0 + LEASE_MS } else { 0 };
            if !lease.moved(db, batch.last().map_or(lease.position, |last| last.position), until).await? {
                return Ok(Turn::Leased);
            }
            carried += batch.len();
            self.kafka.metrics.relayed(source, batch.len());
            if !full {
                let held = holds(db, lease.position).await?;
                return Ok(if held { Turn::Held(carried) } else { Turn::Done(carried) });
            }
        }
        Ok(Turn::More(carried))
    }

    /// Completes when every in-sync broker has all of `batch`.
    async fn send(&self, lane: &Lane, tenant: TenantId, after: i64, batch: &[Stored]) -> Result<(), KafkaFault> {
        let partition = self.kafka.partition(&lane.topic, tenant).await?;
        let (producer, outcome) = loop {
            let Producing { producer, sign_in } = self.producer(lane).await?;
            let mut after = after;
            let records = batch.iter().map(|stored| {
                let message = Message { tenant, after, stored: stored.clone() };
                after = stored.position;
                Record { key: message.key(), payload: message.payload(), headers: message.headers() }
            });
            tokio::select! {
                outcome = deliver(&producer, &lane.topic, partition, records) => break (producer, outcome),
                // Some may have come all the same: they come twice then, which consumers know.
                () = sign_in.replaced() => {}
            }
        };
        if let Ok(offset) = &outcome {
            self.kafka.watch.well();
            self.kafka.flow.carried(&lane.topic, partition, *offset);
        } else if producer.client().fatal_error().is_some() {
            *lane.producer.lock().await = None;
        }
        outcome.map(drop)
    }

    async fn producer(&self, lane: &Lane) -> Result<Producing, KafkaFault> {
        let mut place = lane.producer.lock().await;
        match place.take() {
            Some(producing) if !producing.sign_in.is_old() => return Ok(place.insert(producing).clone()),
            Some(old) => let_go(old),
            None => {}
        }
        let mut sign_in = self.kafka.service(lane.dbs.service()).await?;
        sign_in
            .config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", DELIVERY_MS)
            .set("linger.ms", "2")
            .set("compression.type", "none"); // ids do not compress
        let made = FutureProducer::from_config_and_context(&sign_in.config, sign_in.watch.clone());
        let producer = made.map_err(KafkaFault::of("did not take the producer's settings"))?;
        Ok(place.insert(Producing { producer, sign_in: Arc::new(sign_in) }).clone())
    }
}

/// A message, ready to be sent.
pub(super) struct Record {
    pub(super) key: String,
    pub(super) payload: Vec<u8>,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// Completes when every in-sync broker has all of them; the last one's offset, if there was one.
pub(super) async fn deliver(
    producer: &FutureProducer<Watch>,
    topic: &str,
    partition: i32,
    records: impl Iterator<Item = Record>,
) -> Result<Option<i64>, KafkaFault> {
    let mut sent = Vec::new();
    for Record { key, payload, headers } in records {
        let record = FutureRecord::to(topic).partition(partition).key(&key).payload(&payload);
        let delivery = producer.send_result(record.headers(owned(&headers)));
        sent.push(delivery.map_err(|(error, _)| KafkaFault::of("did not take a message")(error))?);
    }
    let offsets = try_join_all(sent.into_iter().map(acknowledged)).await;
    let offsets = offsets.map_err(KafkaFault::of("did not acknowledge a message"))?;
    Ok(offsets.into_iter().max())
}

fn owned(headers: &[(&str, String)]) -> OwnedHeaders {
    let all = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(all, |all, (key, value)| all.insert(Header { key, value: Some(value) }))
}

/// Where it stands in its partition.
async fn acknowledged(delivery: DeliveryFuture) -> Result<i64, KafkaError> {
    match delivery.await {
        Ok(Ok(delivered)) => Ok(delivered.offset),
        Ok(Err((error, _))) => Err(error),
        Err(_) => Err(KafkaError::Canceled), // the producer is gone
    }
}

/// Whether there are events behind a position, be they to be read yet or not.
async fn holds(db: &Db, position: i64) -> Result<bool, DbError> {
    let behind = db::query("SELECT 1 FROM outbox WHERE position > $1 LIMIT 1").bind(position);
    Ok(behind.fetch_optional(db.reader()).await?.is_some())
}

/// How far an outbox is carried.
async fn mark(db: &Db) -> Result<i64, DbError> {
    let position = db::query_scalar("SELECT position FROM relay").fetch_optional(db.reader()).await?;
    Ok(position.unwrap_or(0))
}

/// The right to carry a tenant's outbox.
struct Lease {
    holder: String,
    fence: i64,
    position: i64,
}

impl Lease {
    /// None: somebody else has it.
    async fn take(db: &Db, holder: &str, now: Timestamp) -> Result<Option<Self>, DbError> {
        let taken: Option<(i64, i64)> = db
            .tx("relay.lease", |tx| {
                Box::pin(async move {
                    db::query_as(
                        "INSERT INTO relay (one, position, holder, fence, until_ms) VALUES (1, 0, $1, 1, $2)
                         ON CONFLICT (one) DO UPDATE
                         SET holder = excluded.holder, until_ms = excluded.until_ms, fence = relay.fence + 1
                         WHERE relay.holder = excluded.holder OR relay.until_ms < $3
                         RETURNING fence, position",
                    )
                    .bind(holder)
                    .bind(now.0 + LEASE_MS)
                    .bind(now.0)
                    .fetch_optional(&mut **tx)
                    .await
                })
            })
            .await?;
        Ok(taken.map(|(fence, position)| Self { holder: holder.to_owned(), fence, position }))
    }

    /// Moves the mark and keeps the lease until then, or lets it go (0). False: it is lost.
    async fn moved(&mut self, db: &Db, position: i64, until_ms: i64) -> Result<bool, DbError> {
        let (holder, fence) = (&self.holder, self.fence);
        let moved = db
            .tx("relay.mark", |tx| {
                Box::pin(async move {
                    db::query("UPDATE relay SET position = $1, until_ms = $2 WHERE holder = $3 AND fence = $4")
                        .bind(position)
                        .bind(until_ms)
                        .bind(holder)
                        .bind(fence)
                        .execute(&mut **tx)
                        .await
                })
            })
            .await?;
        self.position = position;
        Ok(moved.rows_affected() == 1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
