//! What every log keeps, whatever lies behind [`Log::read`]: order, completeness, nothing uncommitted, one effect per
//! event, no event holding up the next. Runs on the outbox tables of SQLite and of PostgreSQL, and with Kafka between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use siegel_domain::TenantId;
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{ConversationOpened, Event, UploadSwept};

use super::{Consumer, EventSource, HandleError, Handler, Log, emit};
use crate::clock::SharedClock;
use crate::db::{self, DbError, TenantDbs, Tx};

/// What the suite runs on. The databases hold the tables of [`super::OUTBOX_SQL`] and [`super::CONSUMER_SQL`], and
/// `effects(event_id TEXT, place BIGINT)`.
pub struct Subject {
    /// The log, with `producer` registered.
    pub log: Arc<Log>,
    /// Where events are written.
    pub producer: Arc<TenantDbs>,
    /// Where the consumer keeps its place.
    pub consumer: Arc<TenantDbs>,
    /// Two provisioned tenants without events.
    pub tenants: [TenantId; 2],
    /// Makes events.
    pub source: EventSource,
    /// Stamps dead letters.
    pub clock: SharedClock,
}

/// Runs the whole suite.
pub async fn run(subject: &Subject) -> Result<()> {
    order_and_completeness(subject).await.context("order and completeness")?;
    wakes(subject).await.context("wakes")?;
    one_effect_each(subject).await.context("one effect each")?;
    poison_is_parked(subject).await.context("poison is parked")?;
    Ok(())
}

impl Subject {
    fn name(&self) -> &'static str {
        self.producer.service()
    }

    fn swept(&self, tenant: TenantId, subject: &str) -> Event {
        self.source.event(tenant, subject, Data::UploadSwept(UploadSwept { record: subject.to_owned() }))
    }

    async fn emit(&self, tenant: TenantId, event: Event) -> Result<()> {
        let db = self.producer.get(tenant).await?;
        let event = &event;
        db.tx("contract.emit", |tx| Box::pin(async move { emit(tx, event.clone()).await })).await?;
        Ok(())
    }

    fn consumer(&self, handler: Arc<Recorder>) -> Consumer {
        let (log, own, clock) = (self.log.clone(), self.consumer.clone(), self.clock.clone());
        Consumer::new(own.service(), log, vec![self.name()], own, handler, clock)
    }

    async fn effects(&self, tenant: TenantId) -> Result<Vec<String>> {
        let db = self.consumer.get(tenant).await?;
        Ok(db::query_scalar("SELECT event_id FROM effects ORDER BY place").fetch_all(db.reader()).await?)
    }
}

/// Events come in the order of commits, all of them, none of a transaction that failed, none of another tenant.
async fn order_and_completeness(subject: &Subject) -> Result<()> {
    let [ours, other] = subject.tenants;
    let events: Vec<Event> = (0..5).map(|n| subject.swept(ours, &format!("rec-{n}"))).collect();
    for event in &events {
        subject.emit(ours, event.clone()).await?;
    }
    let rolled_back = subject.swept(ours, "never");
    let db = subject.producer.get(ours).await?;
    let failed: Result<(), DbError> = db
        .tx("contract.fail", |tx| {
            let event = rolled_back.clone();
            Box::pin(async move {
                emit(tx, event).await?;
                Err(DbError::NoSuchTenant)
            })
        })
        .await;
    ensure!(failed.is_err(), "the transaction was to fail");

    let read = subject.log.read(subject.name(), ours, 0, 100).await?;
    ensure!(read.iter().map(|stored| &stored.event).eq(&events), "events are missing, doubled or out of order");
    ensure!(read.windows(2).all(|two| two[0].position < two[1].position), "positions must grow");
    let rest = subject.log.read(subject.name(), ours, read[1].position, 2).await?;
    ensure!(rest == read[2..4], "reading on from a position, bounded");
    ensure!(subject.log.end(subject.name(), ours).await? == read[4].position, "the end is the last position");
    ensure!(subject.log.read(subject.name(), other, 0, 100).await?.is_empty(), "another tenant's events");
    ensure!(subject.log.read("nobody", ours, 0, 1).await.is_err(), "a source that does not exist");
    Ok(())
}

/// A subscriber hears of each tenant that committed, once, and of no transaction that failed.
async fn wakes(subject: &Subject) -> Result<()> {
    let [ours, other] = subject.tenants;
    let news = subject.log.subscribe();
    ensure!(news.take().is_empty(), "nothing was committed since subscribing");
    subject.emit(ours, subject.swept(ours, "a")).await?;
    subject.emit(ours, subject.swept(ours, "b")).await?;
    subject.emit(other, subject.swept(other, "c")).await?;
    news.wait().await;
    let heard: Vec<_> = news.take().into_iter().map(|(_, tenant)| tenant).collect();
    let mut expected = subject.tenants.to_vec();
    expected.sort_unstable();
    ensure!(heard == expected, "each tenant once");
    ensure!(futures::poll!(std::pin::pin!(news.wait())).is_pending(), "nothing new");
    Ok(())
}

/// The effects of each event come once and in order, though deliveries are repeated and the consumer is killed midway.
async fn one_effect_each(subject: &Subject) -> Result<()> {
    let [ours, other] = subject.tenants;
    let recorder = Arc::new(Recorder::default());
    let consumer = subject.consumer(recorder.clone());
    recorder.fail_after.store(3, Ordering::Relaxed);
    consumer.run_once().await?;
    ensure!(subject.effects(ours).await?.is_empty(), "a batch that failed midway left effects");
    recorder.fail_after.store(usize::MAX, Ordering::Relaxed);
    consumer.run_once().await?;

    for tenant in [ours, other] {
        let read = subject.log.read(subject.name(), tenant, 0, 100).await?;
        let ids: Vec<String> = read.iter().map(|stored| stored.event.id.clone()).collect();
        ensure!(subject.effects(tenant).await? == ids, "each event has its effect once, in order");
        ensure!(consumer.deliver(subject.name(), tenant, &read).await? == 0, "a doubled delivery has no effect");
        ensure!(subject.effects(tenant).await? == ids, "a doubled delivery changed something");
    }
    drop(consumer);
    let restarted = subject.consumer(recorder);
    ensure!(restarted.run_once().await? == 0, "a restarted consumer goes on where it was");
    subject.emit(ours, subject.swept(ours, "later")).await?;
    ensure!(hear(&restarted, 1).await? == 1, "and hears of what comes");
    Ok(())
}

/// Lets a consumer hear until so many events had their effects; how many it were.
async fn hear(consumer: &Consumer, events: usize) -> Result<usize> {
    let mut heard = 0;
    while heard < events {
        consumer.wait().await;
        heard += consumer.run_once().await?;
    }
    Ok(heard)
}

/// An event that can't be handled is parked with its half-done effects undone; those behind it go on.
async fn poison_is_parked(subject: &Subject) -> Result<()> {
    let ours = subject.tenants[0];
    let consumer = subject.consumer(Arc::new(Recorder::default()));
    consumer.run_once().await?;
    let before = subject.effects(ours).await?;
    let data = Data::ConversationOpened(ConversationOpened::default());
    let poison = subject.source.event(ours, "poison", data);
    let good = subject.swept(ours, "behind it");
    subject.emit(ours, poison.clone()).await?;
    subject.emit(ours, good.clone()).await?;
    ensure!(hear(&consumer, 2).await? == 2 && consumer.parked() == 1, "one handled, one parked");
    ensure!(subject.effects(ours).await? == [before, vec![good.id]].concat(), "the poison left a trace");
    let db = subject.consumer.get(ours).await?;
    let parked: Vec<(String, String)> =
        db::query_as("SELECT event_id, reason FROM dead_letters").fetch_all(db.reader()).await?;
    ensure!(parked == [(poison.id, "a conversation".to_owned())], "the dead letter names event and reason");
    Ok(())
}

/// Writes each event's id down; calls conversations poison, after having written them down too.
struct Recorder {
    fail_after: AtomicUsize,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { fail_after: AtomicUsize::new(usize::MAX) }
    }
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, tx: &mut Tx<'_>, _: TenantId, event: &Event) -> Result<(), HandleError> {
        db::query("INSERT INTO effects (event_id, place) VALUES ($1, (SELECT count(*) FROM effects))")
            .bind(&event.id)
            .execute(&mut **tx)
            .await?;
        if matches!(event.data, Some(Data::ConversationOpened(_))) {
            return Err(HandleError::Poison("a conversation"));
        }
        let left = self.fail_after.load(Ordering::Relaxed);
        if left == 0 {
            return Err(HandleError::Db(DbError::corrupt("effects", "event_id", "killed")));
        }
        if left != usize::MAX {
            self.fail_after.store(left - 1, Ordering::Relaxed);
        }
        Ok(())
    }
}
