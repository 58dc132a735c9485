//! Credentials of buckets and passwords at Kafka rotate while others work with them: nobody fails, and old ones are refused.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use siegel_domain::TenantId;
use siegel_platform::clock::{SystemClock, within};
use siegel_platform::db::{TenantDbs, Tx};
use siegel_platform::log::{self, Consumer, EventSource, HandleError, Handler, KafkaSettings, kafka_users};
use siegel_platform::parts::Credential;
use siegel_platform::rng::{Rng, SystemRng};
use siegel_platform::secrets::Secrets;
use siegel_platform::testing::gateway::Keys;
use siegel_platform::worker::Worker;
use siegel_platform::zones::s3::BucketKeys;
use siegel_platform::zones::{NAMES, ObjectName, ZoneError, ZoneMetrics, Zones};
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{Event, UploadSwept};

use crate::rotate::{fresh, rotate};
use crate::world::World;

/// Longer than a broker needs to notice, to come back, and to give a group its partitions.
const PATIENCE: Duration = Duration::from_secs(60);
/// Whose passwords are replaced: who writes, and who hears.
const USERS: [&str; 2] = ["upload", "retention"];

/// Both zones, by credentials that are kept there.
fn zones(world: &World, keys: Arc<dyn BucketKeys>) -> Zones {
    let (clock, rng, metrics) = (SystemClock::shared(), Arc::new(SystemRng), ZoneMetrics::default());
    Zones::open_s3(&world.parts.s3, &world.parts.ca_file, keys, [0; 32], clock, rng, metrics).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_buckets_rotate_under_load_and_nothing_fails() {
    let Some(world) = World::started().await else { return };
    let ctx = world.platform.ctx();
    let bucket = ctx.zones.bucket(world.tenant);
    let old = Keys::default();
    for zone in NAMES {
        let name = format!("zones/{zone}/{}", bucket.as_str());
        let kept = ctx.secrets.get(&name).await.unwrap().unwrap();
        old.0.lock().unwrap().insert(name, kept);
    }
    let (ended, worked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let works = async |zones: &Zones| {
        let name = ObjectName::part(&SystemRng as &dyn Rng, 0);
        let put = zones.put_both(&bucket, &name, "sealed".into()).await;
        assert_eq!(put.held_by(), NAMES, "{put:?}");
        for zone in zones.both() {
            assert_eq!(zone.get(&bucket, &name).await.unwrap(), "sealed");
            zone.delete(&bucket, &name).await.unwrap();
        }
        worked.fetch_add(1, Ordering::Relaxed);
    };
    let server = async || {
        while !ended.load(Ordering::Relaxed) {
            works(&ctx.zones).await;
        }
    };
    let newcomers = async || {
        while !ended.load(Ordering::Relaxed) {
            works(&zones(&world, Arc::new(fresh(&world).await))).await;
        }
    };
    let rotations = async {
        for _ in 0..3 {
            assert!(rotate(&world, &["bucket-credentials"]).await.starts_with("2 rotated"));
            let after = worked.load(Ordering::Relaxed) + 5; // some begin and end after it
            while worked.load(Ordering::Relaxed) < after {
                tokio::task::yield_now().await;
            }
        }
        ended.store(true, Ordering::Relaxed);
    };
    tokio::join!(server(), newcomers(), rotations);
    let thief = zones(&world, Arc::new(old));
    for zone in thief.both() {
        let put = zone.put_new(&bucket, &ObjectName::part(&SystemRng as &dyn Rng, 0), "x".into()).await;
        assert!(matches!(put, Err(ZoneError::Refused(_))), "the old ones go on: {put:?}");
    }
    world.end().await;
}

/// Counts what it is told.
#[derive(Default)]
struct Heard(AtomicUsize);

#[async_trait]
impl Handler for Heard {
    async fn handle(&self, _: &mut Tx<'_>, _: TenantId, _: &Event) -> Result<(), HandleError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Upload's relay, and a consumer of retention's, that stand for as long as the test.
struct Ways<'a> {
    world: &'a World,
    upload: Arc<TenantDbs>,
    source: EventSource,
    relay: Worker,
    consumer: Consumer,
    heard: Arc<Heard>,
}

impl<'a> Ways<'a> {
    fn new(world: &'a World) -> Self {
        let ctx = world.platform.ctx();
        let dbs = |service, migrations| Arc::new(TenantDbs::new(&ctx.state_dir, service, migrations, ctx.db_options()));
        let upload = dbs("upload", &siegel_upload::app::MIGRATIONS);
        ctx.log.register(upload.clone());
        let relay = ctx.log.workers().remove(0);
        let heard = Arc::<Heard>::default();
        let own = dbs("retention", &siegel_retention::app::MIGRATIONS);
        let (log, clock) = (ctx.log.clone(), ctx.clock.clone());
        let consumer = Consumer::new("retention.rotation", log, vec!["upload"], own, heard.clone(), clock);
        let source = EventSource::new("/siegel/test", ctx.clock.clone(), ctx.rng.clone());
        Self { world, upload, source, relay, consumer, heard }
    }

    /// An event goes through.
    async fn carry(&self) {
        let data = Data::UploadSwept(UploadSwept { record: "rec".to_owned() });
        let (event, tenant) = (self.source.event(self.world.tenant, "rec", data), self.world.tenant);
        let (told, db) = (&event, self.upload.get(tenant).await.unwrap());
        db.tx("test.emit", |tx| Box::pin(async move { log::emit(tx, told.clone()).await })).await.unwrap();
        let (wanted, clock) = (self.heard.0.load(Ordering::Relaxed) + 1, SystemClock::new());
        let (mut carried, mut last) = (0, String::new());
        let goes_through = async {
            while carried == 0 || self.heard.0.load(Ordering::Relaxed) < wanted {
                match self.relay.run_once().await {
                    Ok(events) => carried += events,
                    Err(error) => last = error.to_string(), // a line that broke costs time
                }
                let _ = within(&clock, 200, self.consumer.wait()).await;
                self.consumer.run_once().await.unwrap();
            }
        };
        let through = tokio::time::timeout(PATIENCE, goes_through).await;
        assert!(through.is_ok(), "no event goes through in {PATIENCE:?}: {last}");
    }

    /// Every line breaks, and everybody has to sign in anew.
    async fn breaks(&self) {
        self.world.cut("kafka", true).await;
        self.world.cut("kafka", false).await;
    }
}

async fn rotations(world: &World, settings: &KafkaSettings) {
    let ways = Ways::new(world);
    let (secrets, clock) = (&world.platform.ctx().secrets, SystemClock::new());
    let takes =
        async |user: &str, password: &Credential| kafka_users::takes(settings, user, password, &clock).await.unwrap();
    ways.carry().await;
    for user in USERS {
        let (in_the_file, name) = (&world.parts.kafka.users[user], Secrets::of_kafka_user(user));
        assert!(takes(user, in_the_file).await && secrets.get(&name).await.unwrap().is_none());
        assert!(rotate(world, &["kafka-passwords", "--service", user]).await.starts_with("New passwords"));
        assert!(!takes(user, in_the_file).await, "the old one goes on");
        let now = kafka_users::passwords(settings, secrets).await;
        assert!(takes(user, &now[user]).await);
    }
    ways.carry().await; // on lines that stand
    ways.breaks().await;
    ways.carry().await;
    ways.carry().await;

    // Once more, from one that lies among the secrets to the next; killed at first, before Kafka was told.
    let name = Secrets::of_kafka_user(USERS[0]);
    let now = kafka_users::passwords(settings, secrets).await.remove(USERS[0]).unwrap();
    let both = serde_json::json!({ "password": "of-a-rotation-that-was-killed", "former": now.expose() });
    secrets.put(&name, both.to_string().as_bytes()).await.unwrap();
    ways.breaks().await;
    ways.carry().await;
    assert!(rotate(world, &["kafka-passwords", "--service", USERS[0]]).await.starts_with("New passwords"));
    assert!(takes(USERS[0], &Credential::of("of-a-rotation-that-was-killed")).await && !takes(USERS[0], &now).await);
    ways.breaks().await;
    ways.carry().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_at_kafka_rotate_and_events_go_on() {
    let Some(world) = World::started().await else { return };
    let (settings, clock) = (KafkaSettings::from_parts(&world.parts), SystemClock::new());
    let done = AssertUnwindSafe(rotations(&world, &settings)).catch_unwind().await;
    // The users are everybody's who works on these parts: they get back what the parts file says.
    for user in USERS {
        let password = world.parts.kafka.users[user].expose();
        kafka_users::set_password(&settings, user, password, &SystemRng, &clock).await.unwrap();
    }
    done.unwrap_or_else(|panic| resume_unwind(panic));
    world.end().await;
}
