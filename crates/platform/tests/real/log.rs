//! Kafka keeps the contract of a log, and what it can't keep (it is away, lost what it had, sends twice or nonsense) costs time
//! and no event (FAULTS F10, F11). The broker tells clients its proxy's address, so whoever cuts it cuts it for all: these
//! tests run one after the other.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::{Clock as _, ManualClock, SystemClock};
use siegel_platform::db::{self, Cluster, DbError, DbOptions, Home, Migrations, TenantDbs, Tx};
use siegel_platform::health::Health;
use siegel_platform::log::{
    self, COPIED_SQL, Consumer, ConsumerMetrics, EventSource, HandleError, Handler, Kafka, KafkaSettings, Log,
    REDRIVE_SQL, RELAY_SQL,
};
use siegel_platform::metrics::Metrics;
use siegel_platform::parts::{PartEnv, Parts};
use siegel_platform::rng::{Rng, SeededRng, SystemRng};
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::worker::{Worker, WorkerEnv};
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{Event, UploadSwept};
use tokio::sync::Notify;

mod letters;
mod replicas;

static LOG: LazyLock<Migrations> = LazyLock::new(|| {
    db::embedded(&[
        (1, "log", include_str!("../it/migrations/log/0001_log.sql")),
        (2, "relay", RELAY_SQL),
        (3, "redrive", REDRIVE_SQL),
        (4, "copied", COPIED_SQL),
    ])
});
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// The age of what waits to be carried, in seconds.
const WAITING: &str = "siegel_outbox_oldest_unread_seconds{name=\"log.relay\"}";
/// Longer than a broker needs to notice, to come back, and to give a group its partitions.
const PATIENCE: Duration = Duration::from_secs(60);

/// A producer's and a consumer's process in one.
struct Ground {
    parts: Parts,
    cluster: Arc<Cluster>,
    tenants: [TenantId; 2],
    log: Arc<Log>,
    producer: Arc<TenantDbs>,
    consumer: Arc<TenantDbs>,
    source: EventSource,
    metrics: Arc<Metrics>,
    health: Health,
    tasks: Tasks,
    shutdown: Shutdown,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl Ground {
    async fn new() -> Option<Self> {
        Self::on(|_| {}).await
    }

    /// On parts that are changed first.
    async fn on(change: impl FnOnce(&mut Parts)) -> Option<Self> {
        let mut parts = Parts::for_tests()?;
        change(&mut parts);
        let turn = ONE_AT_A_TIME.lock().await;
        parts.postgres.installation = format!("test_{:012x}", (&SystemRng as &dyn Rng).below(1 << 47));
        parts.kafka.partitions = 3;
        let password = async |schema: &str| Ok::<_, DbError>(format!("test-{schema}").into());
        let cluster = Arc::new(Cluster::open(&parts.postgres, &parts.ca_file, password).await.unwrap());
        let options = DbOptions { home: Home::Cluster(cluster.clone()), ..DbOptions::default() };
        let tenants = [(); 2].map(|()| TenantId::from_bytes((&SystemRng as &dyn Rng).bytes()));
        for tenant in tenants {
            options.home.place("/nowhere".as_ref()).mark_ready(tenant).await.unwrap();
        }
        let dbs = |service| Arc::new(TenantDbs::new("/nowhere".as_ref(), service, &LOG, options.clone()));
        let (producer, consumer) = (dbs("upload"), dbs("retention"));
        let (metrics, health) = (Arc::new(Metrics::new()), Health::new());
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let source = EventSource::new("/siegel/test", SystemClock::shared(), Arc::new(SystemRng));
        let log = Arc::new(Log::new());
        let ground = Self {
            parts,
            cluster,
            tenants,
            log,
            producer,
            consumer,
            source,
            metrics,
            health,
            tasks,
            shutdown,
            _turn: turn,
        };
        ground.attach(&ground.log);
        Some(ground)
    }

    fn attach(&self, log: &Log) {
        let env = PartEnv {
            clock: SystemClock::shared(),
            rng: Arc::new(SystemRng),
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
        };
        let readers = ConsumerMetrics::new(&self.metrics);
        log.on_kafka(Kafka::new(KafkaSettings::from_parts(&self.parts), env, readers));
        log.register(self.producer.clone());
    }

    /// The relay, to be stepped.
    fn relay(&self) -> Worker {
        self.log.workers().remove(0)
    }

    fn consumer(&self, handler: Arc<dyn Handler>) -> Consumer {
        let clock = SystemClock::shared();
        Consumer::new("retention", self.log.clone(), vec!["upload"], self.consumer.clone(), handler, clock)
    }

    /// Steps the relay until it has carried so many events, and not one more: a transaction anywhere in the cluster,
    /// autovacuum's too, may hold them back for a while.
    async fn carries(&self, relay: &Worker, events: usize) {
        let carried = async {
            let mut carried = 0;
            while carried < events {
                carried += relay.run_once().await.unwrap();
            }
            carried
        };
        let carried = tokio::time::timeout(PATIENCE, carried).await.expect("the relay carries what was told");
        assert_eq!(carried, events);
    }

    /// How a service's user signs in.
    fn client(&self, user: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.parts.kafka.bootstrap)
            .set("security.protocol", "SASL_SSL")
            .set("ssl.ca.location", self.parts.ca_file.to_str().unwrap())
            .set("sasl.mechanisms", "SCRAM-SHA-512")
            .set("sasl.username", user)
            .set("sasl.password", self.parts.kafka.users[user].expose());
        config
    }

    async fn emit(&self, tenant: TenantId, subject: &str) -> String {
        let event = self.source.event(tenant, subject, Data::UploadSwept(UploadSwept { record: subject.to_owned() }));
        let db = self.producer.get(tenant).await.unwrap();
        let told = &event;
        db.tx("test.emit", |tx| Box::pin(async move { log::emit(tx, told.clone()).await })).await.unwrap();
        event.id
    }

    /// What had effects, in order.
    async fn effects(&self, tenant: TenantId) -> Vec<String> {
        let db = self.consumer.get(tenant).await.unwrap();
        db::query_scalar("SELECT event_id FROM effects ORDER BY place").fetch_all(db.reader()).await.unwrap()
    }

    /// Runs the consumer until `ids` had their effects, each once and in order.
    async fn hear(&self, consumer: &Consumer, tenant: TenantId, ids: &[String]) {
        let heard = tokio::time::timeout(PATIENCE, async {
            while self.effects(tenant).await.len() < ids.len() {
                consumer.wait().await;
                consumer.run_once().await.unwrap();
            }
        });
        assert!(
            heard.await.is_ok(),
            "not heard in {PATIENCE:?}: {} of {}",
            self.effects(tenant).await.len(),
            ids.len()
        );
        assert_eq!(self.effects(tenant).await, ids);
    }

    /// Changes the relay's row of a tenant.
    async fn change(&self, tenant: TenantId, statement: &'static str) {
        let db = self.producer.get(tenant).await.unwrap();
        let changed = db.tx("test.change", |tx| Box::pin(async move { db::query(statement).execute(&mut **tx).await }));
        assert_eq!(changed.await.unwrap().rows_affected(), 1);
    }

    /// Cuts Kafka off, or puts it back.
    async fn kafka(&self, enabled: bool) {
        let toxiproxy = self.parts.toxiproxy.as_ref().unwrap();
        let url = format!("{}/proxies/kafka", toxiproxy.api);
        let body = serde_json::json!({ "enabled": enabled });
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    fn counted(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.rsplit(' ').next().unwrap_or_default().parse().unwrap_or(0)
    }

    async fn end(self) {
        self.shutdown.begin();
        self.tasks.drain(&SystemClock::default(), 10_000).await.unwrap();
        self.producer.close_all().await;
        self.consumer.close_all().await;
        self.cluster.drop_all().await.unwrap();
    }
}

/// Writes down what it is told.
#[derive(Default)]
struct Seen(AtomicI64);

#[async_trait]
impl Handler for Seen {
    async fn handle(&self, tx: &mut Tx<'_>, _: TenantId, event: &Event) -> Result<(), HandleError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        db::query("INSERT INTO effects (event_id, place) VALUES ($1, (SELECT count(*) FROM effects))")
            .bind(&event.id)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_keeps_the_contract_of_a_log() {
    let Some(ground) = Ground::new().await else { return };
    let env = WorkerEnv {
        clock: SystemClock::shared(),
        rng: Arc::new(SystemRng),
        metrics: ground.metrics.clone(),
        shutdown: ground.shutdown.clone(),
    };
    ground.relay().spawn(env, &ground.tasks);
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let subject = log::contract::Subject {
        log: ground.log.clone(),
        producer: ground.producer.clone(),
        consumer: ground.consumer.clone(),
        tenants: ground.tenants,
        source: EventSource::new("/siegel/test", clock.clone(), Arc::new(SeededRng::new(1))),
        clock,
    };
    let ran = tokio::time::timeout(PATIENCE * 2, log::contract::run(&subject)).await;
    ran.expect("the contract takes its time").unwrap();
    // Consumers may have read the outbox before the relay had its lease: it carries all the same, in its own time.
    let clock = SystemClock::default();
    let carried = async {
        while ground.counted("siegel_events_relayed_total") == 0 {
            clock.sleep(20).await;
        }
    };
    tokio::time::timeout(PATIENCE, carried).await.expect("the relay carries what was told");
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_by_kafka_in_order_and_what_comes_twice_has_one_effect() {
    let Some(ground) = Ground::new().await else { return };
    let ([ours, other], relay, seen) = (ground.tenants, ground.relay(), Arc::new(Seen::default()));
    let consumer = ground.consumer(seen.clone());
    consumer.run_once().await.unwrap(); // its first look at the outboxes finds nothing
    let mut ids = Vec::new();
    for n in 0..450 {
        ids.push(ground.emit(ours, &format!("rec-{n}")).await);
    }
    let elsewhere = ground.emit(other, "rec-x").await;
    while relay.run_once().await.unwrap() > 0 {}
    ground.hear(&consumer, ours, &ids).await;
    ground.hear(&consumer, other, &[elsewhere]).await;

    // As if the relay had been killed before it moved its mark: everything is sent again.
    ground.change(ours, "UPDATE relay SET position = 0").await;
    ids.push(ground.emit(ours, "last").await);
    while relay.run_once().await.unwrap() > 0 {}
    ground.hear(&consumer, ours, &ids).await;
    assert_eq!(seen.0.load(Ordering::Relaxed), 452, "handled once each");
    assert_eq!(ground.counted("siegel_events_gaps_total"), 0, "nothing had to be looked up");
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_lost_is_read_from_the_outbox() {
    let Some(ground) = Ground::new().await else { return };
    let (ours, relay) = (ground.tenants[0], ground.relay());
    let consumer = ground.consumer(Arc::new(Seen::default()));
    let mut ids = vec![ground.emit(ours, "first").await];
    relay.run_once().await.unwrap();
    ground.hear(&consumer, ours, &ids).await;
    // Three events that the relay believes it has carried, and Kafka does not have.
    for n in 0..3 {
        ids.push(ground.emit(ours, &format!("lost-{n}")).await);
    }
    ground.change(ours, "UPDATE relay SET position = (SELECT max(position) FROM outbox)").await;
    ids.push(ground.emit(ours, "after").await);
    ground.carries(&relay, 1).await;
    ground.hear(&consumer, ours, &ids).await;
    assert_eq!(ground.counted("siegel_events_gaps_total"), 1);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_kafka_away_delays_and_loses_nothing() {
    let Some(ground) = Ground::new().await else { return };
    let (ours, relay) = (ground.tenants[0], ground.relay());
    let consumer = ground.consumer(Arc::new(Seen::default()));
    let mut ids = vec![ground.emit(ours, "before").await];
    relay.run_once().await.unwrap();
    ground.hear(&consumer, ours, &ids).await;

    ground.kafka(false).await;
    ids.push(ground.emit(ours, "meanwhile").await);
    let failed = async { while relay.run_once().await.is_ok_and(|carried| carried == 0) {} };
    tokio::time::timeout(PATIENCE, failed).await.expect("the line is cut");
    assert!(!ground.health.limps().is_empty(), "carried through a cut line");
    ids.push(ground.emit(ours, "meanwhile, too").await);
    let limps = ground.health.limps();
    assert!(limps.iter().any(|limp| limp.name == "kafka"), "readiness says nothing of it: {limps:?}");
    assert!(ground.health.waiting().is_empty(), "requests are still answered");
    assert_eq!(ground.counted("siegel_kafka_up"), 0);
    assert!(ground.counted(WAITING) > 0, "the number on the dashboard does not see what waits");

    ground.kafka(true).await;
    // A transaction anywhere in the cluster, autovacuum's too, may hold an event back for a while: nothing is sent then, and
    // nothing said of Kafka.
    let carried = async {
        while !ground.health.limps().is_empty() || !matches!(relay.run_once().await, Ok(0)) {
            let _ = relay.run_once().await;
        }
    };
    tokio::time::timeout(PATIENCE, carried).await.expect("Kafka is there again");
    ground.hear(&consumer, ours, &ids).await;
    assert_eq!(ground.counted("siegel_kafka_up"), 1);
    assert_eq!(ground.counted(WAITING), 0);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_carries_at_a_time_and_a_killed_ones_work_is_taken_up() {
    let Some(ground) = Ground::new().await else { return };
    let (ours, relay) = (ground.tenants[0], ground.relay());
    ground.emit(ours, "first").await;
    ground.carries(&relay, 1).await;
    ground.change(ours, "UPDATE relay SET holder = 'another', until_ms = 9000000000000").await;
    ground.emit(ours, "second").await;
    assert_eq!(relay.run_once().await.unwrap(), 0, "carried beside the one who holds the lease");
    ground.change(ours, "UPDATE relay SET until_ms = 1").await;
    ground.carries(&relay, 1).await; // a lease that ended is taken
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_writes_its_own_topic_only_and_nonsense_in_it_holds_nothing_up() {
    let Some(ground) = Ground::new().await else { return };
    let (ours, relay) = (ground.tenants[0], ground.relay());
    let consumer = ground.consumer(Arc::new(Seen::default()));
    let ids = vec![ground.emit(ours, "first").await];
    relay.run_once().await.unwrap();
    let topic = format!("siegel.upload.{}", ground.parts.postgres.installation);
    let as_user = async |user: &str| {
        let producer: FutureProducer = ground.client(user).set("message.timeout.ms", "10000").create().unwrap();
        let mut sent = Vec::new();
        for partition in 0..3 {
            let record = FutureRecord::to(&topic).partition(partition).key("x").payload("nonsense");
            sent.push(producer.send(record, PATIENCE).await.map_err(|(error, _)| error.to_string()));
        }
        sent
    };
    let refused = as_user("retention").await;
    assert!(refused.iter().all(|sent| sent.as_ref().unwrap_err().contains("TopicAuthorizationFailed")), "{refused:?}");
    assert!(as_user("upload").await.iter().all(Result::is_ok));
    let ids = [ids, vec![ground.emit(ours, "second").await]].concat();
    relay.run_once().await.unwrap();
    ground.hear(&consumer, ours, &ids).await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_under_way_holds_back_is_carried_when_it_has_ended() {
    let Some(ground) = Ground::new().await else { return };
    let ([ours, other], relay) = (ground.tenants, ground.relay());
    relay.run_once().await.unwrap(); // its first look at all outboxes finds nothing
    let (begun, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (began, ended) = (begun.clone(), end.clone());
    let db = ground.producer.get(other).await.unwrap();
    let under_way = ground.tasks.spawn("test.slow", async move {
        let (began, ended) = (&began, &ended);
        let slow = db.tx("test.slow", |tx| {
            Box::pin(async move {
                db::query("INSERT INTO effects (event_id, place) VALUES ('slow', 0)").execute(&mut **tx).await?;
                began.notify_one();
                ended.notified().await;
                Ok::<_, DbError>(())
            })
        });
        slow.await.unwrap();
    });
    begun.notified().await;
    ground.emit(ours, "behind it").await;
    assert_eq!(relay.run_once().await.unwrap(), 0, "carried before what may still come in front of it");
    assert_eq!(relay.run_once().await.unwrap(), 0);
    end.notify_one();
    drop(under_way);
    let carried = tokio::time::timeout(PATIENCE, async { while relay.run_once().await.unwrap() == 0 {} });
    carried.await.expect("nobody looked again when the transaction had ended");
    ground.end().await;
}
