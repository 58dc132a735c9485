//! Several processes on one state directory: each test opens it twice, as two processes do.

use std::path::Path;
use std::sync::Arc;

use siegel_domain::time::DAY_MS;
use siegel_domain::{DealerId, TenantId, Timestamp};
use siegel_platform::clock::{ClockGuard, ClockState, ManualClock, SharedClock};
use siegel_platform::db::{self, DbOptions, TenantDbs, provision_directory};
use siegel_platform::host::{Given, HostConfig, Inside, PartsChoice, Process};
use siegel_platform::http::Limits;
use siegel_platform::log::{EventSource, Log, emit};
use siegel_platform::peer::Callers;
use siegel_platform::provider;
use siegel_platform::quota::Quota;
use siegel_platform::rng::SystemRng;
use siegel_platform::secrets::Secrets;
use siegel_platform::tenants::{NewTenant, Tenants, insert};
use siegel_proto::events::v1::UploadSwept;
use siegel_proto::events::v1::event::Data;
use tempfile::TempDir;

use crate::log::MIGRATOR;

fn clock() -> SharedClock {
    Arc::new(ManualClock::new(Timestamp(1_800_000_000_000)))
}

fn secrets(dir: &Path) -> Secrets {
    Secrets::open(&dir.join("secrets.sealed"), &dir.join("secrets.key"), clock(), Arc::new(SystemRng)).unwrap()
}

fn tenant(n: u8) -> TenantId {
    TenantId::from_bytes([n; 16])
}

#[tokio::test]
async fn what_one_process_does_to_the_secrets_the_other_sees_and_does_not_undo() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (secrets(dir.path()), secrets(dir.path()));
    one.put("a", b"1").await.unwrap();
    assert_eq!(other.get("a").await.unwrap().unwrap().as_slice(), b"1");
    other.put("b", b"2").await.unwrap();
    one.put("c", b"3").await.unwrap();
    assert_eq!(secrets(dir.path()).names("").await.unwrap(), ["a", "b", "c"]);
    assert_eq!(one.put_new("ca", b"first").await.unwrap(), other.put_new("ca", b"second").await.unwrap());
    let drawn = one.get_or_create("drawn", 32).await.unwrap();
    assert_eq!(other.get_or_create("drawn", 32).await.unwrap(), drawn);
    // A tenant's key that one destroys opens nothing in the other, although it had it open.
    one.create_tenant_key(tenant(1)).await.unwrap();
    let sealed = other.wrap(tenant(1), &["table", "row"], b"value").await.unwrap();
    one.destroy_tenant_key(tenant(1)).await.unwrap();
    assert!(other.unwrap(tenant(1), &["table", "row"], &sealed).await.is_err());
    // The same if the other one learns of it while it changes something itself.
    one.create_tenant_key(tenant(2)).await.unwrap();
    let sealed = other.wrap(tenant(2), &["table", "row"], b"value").await.unwrap();
    one.destroy_tenant_key(tenant(2)).await.unwrap();
    other.put("d", b"4").await.unwrap();
    assert!(other.unwrap(tenant(2), &["table", "row"], &sealed).await.is_err());
}

#[tokio::test]
async fn many_who_change_the_secrets_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = &tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        for process in 0..4 {
            let secrets = secrets(dir.path());
            scope.spawn(move || {
                for n in 0..10 {
                    runtime.block_on(secrets.put(&format!("{process}/{n}"), b"x")).unwrap();
                }
            });
        }
    });
    assert_eq!(secrets(dir.path()).names("").await.unwrap().len(), 40);
}

async fn tenants(dir: &Path) -> Tenants {
    Tenants::open(Arc::new(provider::open(dir, DbOptions::default()).await.unwrap())).await.unwrap()
}

#[tokio::test]
async fn a_tenant_that_one_process_makes_is_known_to_the_other_at_the_next_request() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (tenants(dir.path()).await, tenants(dir.path()).await);
    other.refresh().await.unwrap();
    assert!(!other.refresh().await.unwrap(), "nobody wrote");
    let waker = Arc::new(tokio::sync::Notify::new());
    other.wake(waker.clone());
    let dealer = DealerId::from_bytes([1; 16]);
    let new = NewTenant {
        id: tenant(1),
        dealer,
        handle: "centre".into(),
        display_name: "Centre".into(),
        comment: String::new(),
        durability: Default::default(),
        jurisdiction: "EU".into(),
        owner_invite_auth_hash: vec![1; 32],
        created: Timestamp(0),
        owner_code_expires_ms: 0,
    };
    let new = &new;
    one.change("test", |tx| {
        Box::pin(async move {
            db::query("INSERT INTO dealers (id, label, state, created_ms) VALUES ($1, 'Test', 'active', 0)")
                .bind(dealer.to_string())
                .execute(&mut **tx)
                .await?;
            insert(tx, new).await?;
            Ok::<_, siegel_platform::db::DbError>(())
        })
    })
    .await
    .unwrap();
    assert!(other.get(tenant(1)).is_none());
    assert!(other.refresh().await.unwrap());
    assert_eq!(other.by_handle("centre").unwrap().id, tenant(1));
    waker.notified().await; // background work was woken
}

#[tokio::test]
async fn events_of_one_process_are_heard_and_read_in_another() {
    let dir = tempfile::tempdir().unwrap();
    for n in [1, 2] {
        provision_directory(dir.path(), tenant(n)).unwrap();
    }
    let reader = Log::new();
    reader.follow(dir.path(), "upload");
    let news = reader.subscribe();
    assert_eq!(reader.read("upload", tenant(1), 0, 10).await.unwrap(), [], "there is no outbox yet");
    assert_eq!(reader.end("upload", tenant(1)).await.unwrap(), 0);

    let writer = Log::shared(dir.path(), Arc::new(SystemRng));
    let dbs = Arc::new(TenantDbs::new(dir.path(), "upload", &MIGRATOR, DbOptions::default()));
    writer.register(dbs.clone());
    reader.listen().unwrap();
    assert_eq!(news.take().len(), 2, "a producer that has just started may have news of everybody");
    let source = EventSource::new("/siegel/upload", clock(), Arc::new(SystemRng));
    let event = source.event(tenant(1), "rec_1", Data::UploadSwept(UploadSwept { record: "rec_1".into() }));
    let emitted = &event;
    let db = dbs.get(tenant(1)).await.unwrap();
    db.tx("test", |tx| Box::pin(async move { emit(tx, emitted.clone()).await })).await.unwrap();
    assert_eq!(reader.listen().unwrap(), 1);
    news.wait().await;
    assert_eq!(news.take().into_iter().collect::<Vec<_>>(), [("upload", tenant(1))]);
    let read = reader.read("upload", tenant(1), 0, 10).await.unwrap();
    assert_eq!(read[0].event, event);
    assert_eq!(reader.end("upload", tenant(1)).await.unwrap(), read[0].position);
    assert_eq!(reader.listen().unwrap(), 0, "heard once");
}

#[test]
fn f15_a_clock_that_one_process_does_not_believe_no_process_believes() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("clock.mark");
    let clocks = [(); 2].map(|()| ManualClock::new(Timestamp(1_800_000_000_000)));
    let [upload, retention] = clocks.each_ref().map(|clock| ClockGuard::open(&mark, Arc::new(clock.clone())).unwrap());
    // Only one of them happens to look while the clock is wrong.
    clocks[0].jump_wall_ms(2 * DAY_MS);
    assert!(matches!(upload.check().unwrap(), ClockState::Held { .. }));
    assert!(matches!(retention.check().unwrap(), ClockState::Held { .. }), "it reads the mark");
    let shared: SharedClock = Arc::new(clocks[0].clone());
    ClockGuard::confirm(&mark, &shared).unwrap();
    assert_eq!(upload.check().unwrap(), ClockState::Trusted);
}

fn config(dir: &TempDir, service: &'static str) -> HostConfig {
    HostConfig {
        state_dir: dir.path().join("state"),
        key_file: dir.path().join("key"),
        listen: "127.0.0.1:0".parse().unwrap(),
        public_url: Some("https://siegel.example".into()),
        host_names: Vec::new(),
        plain_http: false,
        jurisdiction: "EU".into(),
        limits: Limits::default(),
        quota: Quota::default(),
        services: vec![service],
        parts: PartsChoice::Embedded,
        inside: Some(Inside {
            name: service,
            listen: "127.0.0.1:0".parse().unwrap(),
            callers: Callers::NONE,
            peers: Default::default(),
        }),
    }
}

#[tokio::test]
async fn a_service_runs_once_on_a_state_directory() {
    let dir = tempfile::tempdir().unwrap();
    let upload = Process::open(&config(&dir, "upload"), Given::default()).await.unwrap();
    let retention = Process::open(&config(&dir, "retention"), Given::default()).await.unwrap();
    assert_eq!(upload.host().ca_fingerprint(), retention.host().ca_fingerprint(), "one CA for all");
    let refused = Process::open(&config(&dir, "upload"), Given::default()).await.err().unwrap().to_string();
    assert!(refused.contains("upload runs on") && refused.contains("stop it first"), "{refused}");
    drop(upload);
    Process::open(&config(&dir, "upload"), Given::default()).await.unwrap();
}
