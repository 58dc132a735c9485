//! G14: events from an outbox in PostgreSQL to Kafka through the relay, beside rdkafka's producer alone; and how long it takes
//! from a commit to the effect of a consumer.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use prost::Message as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use siegel_client::time::{Moment, sleep};
use siegel_domain::TenantId;
use siegel_platform::clock::SystemClock;
use siegel_platform::db::{self, DbError, Migrations, TenantDbs, Tx};
use siegel_platform::log::{
    self, CONSUMER_SQL, COPIED_SQL, Consumer, ConsumerMetrics, EventSource, HandleError, Handler, Kafka, KafkaSettings,
    Log, OUTBOX_SQL, REDRIVE_SQL, RELAY_SQL,
};
use siegel_platform::parts::PartEnv;
use siegel_platform::rng::SystemRng;
use siegel_platform::worker::{Worker, WorkerEnv};
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{Event, UploadSwept};

use super::{Ground, NOWHERE};
use crate::cpu;
use crate::data::{self, Place};
use crate::outcome::{Outcome, Ratio, Target};
use crate::pair::{Comparison, Reading, Sample};
use crate::settings::Settings;

static LOG: LazyLock<Migrations> = LazyLock::new(|| {
    db::embedded(&[
        (1, "outbox", OUTBOX_SQL),
        (2, "consumer", CONSUMER_SQL),
        (3, "relay", RELAY_SQL),
        (4, "redrive", REDRIVE_SQL),
        (5, "copied", COPIED_SQL),
    ])
});
/// Events of one transaction.
const TOGETHER: usize = 10;
/// Events a second while latency is measured.
const PER_SECOND: usize = 1_000;
/// The event behind all that the relay was timed with.
const LAST: usize = 900_000_000;
/// Longer than everything here takes.
const PATIENCE: Duration = Duration::from_secs(180);

/// A producer's and a consumer's program in one process.
struct Programs {
    tenant: TenantId,
    producer: Arc<TenantDbs>,
    consumer: Arc<TenantDbs>,
    log: Arc<Log>,
    source: EventSource,
    env: PartEnv,
}

/// The rate, then the time to the consumer.
pub(crate) async fn run(settings: &Settings, shared: &Path) -> Result<Vec<Outcome>> {
    let place = data::scratch(Place::Memory)?;
    let ground = Ground::on(shared, place.path(), false)?;
    let (options, tenant) = ground.cluster().await?;
    let dbs = |service| Arc::new(TenantDbs::new(NOWHERE.as_ref(), service, &LOG, options.clone()));
    let source = EventSource::new("/siegel/bench", SystemClock::shared(), Arc::new(SystemRng));
    let (producer, consumer) = (dbs("upload"), dbs("retention"));
    let programs = Programs { tenant, producer, consumer, log: Arc::default(), source, env: PartEnv::of_its_own() };
    programs.attach(&ground);
    let relay = programs.log.workers().into_iter().next().context("the log has a relay")?;
    let bytes = programs.event(0).encode_to_vec().len();
    let (raw, topic) = producer_alone(&ground).await?;
    let count = settings.small_records * 10;
    let comparison = Comparison {
        goal: "G14",
        what: "events a second from the outbox in PostgreSQL to Kafka".to_owned(),
        baseline: format!("rdkafka's producer alone, acks=all, {bytes} bytes"),
        reading: Reading::Speed,
        target: Target::AtLeast(0.8),
        bytes: 0,
        pairs: settings.pairs,
    };
    let samples = comparison.samples(|| send(&raw, &topic, count, bytes), || programs.carry(&relay, count)).await?;
    let mut outcomes = vec![comparison.rates(&samples, count, "events")];
    outcomes.push(programs.to_the_consumer(settings).await?);
    programs.env.shutdown.begin();
    Ok(outcomes)
}

impl Programs {
    fn attach(&self, ground: &Ground) {
        let readers = ConsumerMetrics::new(&self.env.metrics);
        let env = PartEnv {
            clock: self.env.clock.clone(),
            rng: self.env.rng.clone(),
            tasks: self.env.tasks.clone(),
            shutdown: self.env.shutdown.clone(),
            metrics: self.env.metrics.clone(),
            health: self.env.health.clone(),
        };
        self.log.on_kafka(Kafka::new(KafkaSettings::from_parts(&ground.parts), env, readers));
        self.log.register(self.producer.clone());
    }

    fn event(&self, number: usize) -> Event {
        let record = subject(number);
        self.source.event(self.tenant, &record, Data::UploadSwept(UploadSwept { record: record.clone() }))
    }

    async fn emit(&self, events: &[Event]) -> Result<()> {
        let db = self.producer.get(self.tenant).await?;
        let emitted = db.tx("bench.emit", |tx| {
            Box::pin(async move {
                for event in events {
                    log::emit(tx, event.clone()).await?;
                }
                Ok::<_, DbError>(())
            })
        });
        Ok(emitted.await?)
    }

    /// Fills the outbox, and times the relay alone.
    async fn carry(&self, relay: &Worker, count: usize) -> Result<Sample> {
        let events: Vec<Event> = (0..count).map(|number| self.event(number)).collect();
        for together in events.chunks(TOGETHER * 10) {
            self.emit(together).await?;
        }
        let (before, start) = (cpu::of(std::process::id())?, Moment::now());
        let mut carried = 0;
        while carried < count {
            carried += relay.run_once().await.map_err(|error| anyhow::anyhow!("the relay: {error}"))?;
            ensure!(start.elapsed() < PATIENCE, "{carried} events of {count} were carried in {PATIENCE:?}");
        }
        let wall_s = start.elapsed().as_secs_f64();
        ensure!(carried == count, "{carried} events of {count} were carried");
        Ok(Sample { wall_s, cpu_s: cpu::of(std::process::id())? - before, tail_s: 0.0 })
    }

    /// From the answer to a commit to the handler's call, with relay and consumer as programs run them.
    async fn to_the_consumer(&self, settings: &Settings) -> Result<Outcome> {
        let clock = self.env.clock.clone();
        let seen = Arc::new(Seen { start: Moment::now(), at: Mutex::default() });
        let consumer =
            Consumer::new("retention", self.log.clone(), vec!["upload"], self.consumer.clone(), seen.clone(), clock);
        for worker in self.log.workers() {
            let env = WorkerEnv {
                clock: self.env.clock.clone(),
                rng: self.env.rng.clone(),
                metrics: self.env.metrics.clone(),
                shutdown: self.env.shutdown.clone(),
            };
            worker.spawn(env, &self.env.tasks);
        }
        self.env.tasks.spawn("bench.consumer", async move {
            loop {
                consumer.wait().await;
                if consumer.run_once().await.is_err() {
                    crate::tell::step("the consumer has to try again");
                }
            }
        });
        // What was carried before is read first.
        self.emit(&[self.event(LAST)]).await?;
        seen.reach(&subject(LAST)).await?;
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for round in 1..=settings.pairs {
            let took = self.round(&seen, round * 1_000_000).await?;
            p50.push(took[took.len() / 2] * 1e3);
            p99.push(took[took.len() * 99 / 100] * 1e3);
        }
        let outcome = Outcome::new(
            "G14",
            "from commit to consumer at 1,000 events/s, ten a commit: p99 in ms",
            "none: an absolute figure",
            Ratio::of(p99),
            Target::AtMost(50.0),
        );
        Ok(outcome.note(format!("p50 {:.1} ms", Ratio::of(p50).median)))
    }

    /// Five seconds of events; what each took in seconds, in order of size.
    async fn round(&self, seen: &Seen, from: usize) -> Result<Vec<f64>> {
        let (start, began, count) = (Moment::now(), seen.start.elapsed(), PER_SECOND * 5);
        let mut committed = HashMap::new();
        for batch in (0..count).step_by(TOGETHER) {
            let due = Duration::from_secs_f64(batch as f64 / PER_SECOND as f64);
            if let Some(wait) = due.checked_sub(start.elapsed()) {
                sleep(wait).await;
            }
            let events: Vec<Event> = (batch..batch + TOGETHER).map(|number| self.event(from + number)).collect();
            self.emit(&events).await?;
            let at = seen.start.elapsed();
            committed.extend(events.into_iter().map(|event| (event.subject, at)));
        }
        seen.reach(&subject(from + count - 1)).await?;
        let at = std::mem::take(&mut *seen.at.lock().unwrap_or_else(PoisonError::into_inner));
        let mut took = Vec::with_capacity(count);
        for (subject, committed) in &committed {
            let heard = at.get(subject).with_context(|| format!("{subject} was never heard"))?;
            took.push(heard.saturating_sub(*committed).as_secs_f64());
        }
        took.sort_by(f64::total_cmp);
        let emitted = committed.values().max().map_or(0.0, Duration::as_secs_f64) - began.as_secs_f64();
        crate::tell::step(&format!("emitted in {emitted:.1} s, slowest {:.0} ms", took[took.len() - 1] * 1e3));
        Ok(took)
    }
}

/// When a subject was handled, since `start`.
struct Seen {
    start: Moment,
    at: Mutex<HashMap<String, Duration>>,
}

impl Seen {
    async fn reach(&self, what: &str) -> Result<()> {
        let start = Moment::now();
        while !self.at.lock().unwrap_or_else(PoisonError::into_inner).contains_key(what) {
            ensure!(start.elapsed() < PATIENCE, "{what} was not heard in {PATIENCE:?}");
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Handler for Seen {
    async fn handle(&self, _: &mut Tx<'_>, _: TenantId, event: &Event) -> Result<(), HandleError> {
        let at = self.start.elapsed();
        self.at.lock().unwrap_or_else(PoisonError::into_inner).insert(event.subject.clone(), at);
        Ok(())
    }
}

fn subject(number: usize) -> String {
    format!("rec-{number:09}")
}

/// A producer with the relay's settings, and a topic of its own.
async fn producer_alone(ground: &Ground) -> Result<(FutureProducer, String)> {
    let part = &ground.parts.kafka;
    let (user, password) = part.admin().context("the parts file has Kafka's administrator")?;
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &part.bootstrap)
        .set("security.protocol", "SASL_SSL")
        .set("ssl.ca.location", ground.parts.ca_file.to_string_lossy())
        .set("sasl.mechanisms", "SCRAM-SHA-512")
        .set("sasl.username", user)
        .set("sasl.password", password.expose());
    let topic = format!("bench.{}", super::word());
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
    for made in admin.create_topics([&new], &AdminOptions::new()).await? {
        made.map_err(|(topic, code)| anyhow::anyhow!("make {topic}: {code}"))?;
    }
    let producer = config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "2")
        .set("compression.type", "none")
        .set("queue.buffering.max.messages", "1000000") // all of a measurement at once
        .create()?;
    Ok((producer, topic))
}

/// `count` events' share of many more: a producer alone is done with `count` before a clock says much.
async fn send(producer: &FutureProducer, topic: &str, count: usize, bytes: usize) -> Result<Sample> {
    const TIMES: usize = 20;
    let payload: Vec<u8> =
        (0..bytes.div_ceil(32)).flat_map(|_| siegel_client::rng::bytes::<32>()).take(bytes).collect();
    let (before, start) = (cpu::of(std::process::id())?, Moment::now());
    let mut sent = Vec::with_capacity(count * TIMES);
    for _ in 0..count * TIMES {
        let record = FutureRecord::to(topic).key("tenant/record").payload(&payload);
        sent.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for sent in sent {
        sent.await?.map_err(|(error, _)| error)?;
    }
    let times = TIMES as f64;
    let wall_s = start.elapsed().as_secs_f64() / times;
    Ok(Sample { wall_s, cpu_s: (cpu::of(std::process::id())? - before) / times, tail_s: 0.0 })
}
