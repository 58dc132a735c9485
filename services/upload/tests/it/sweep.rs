//! What nobody goes on with is swept; what no row names is cleared away; nothing by a clock that may be wrong.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use siegel_api::conversations::OpenConversation;
use siegel_domain::{ConversationId, RecordId, Timestamp};
use siegel_platform::clock::{Clock, ClockGuard, SharedClock};
use siegel_platform::zones::ObjectName;
use siegel_platform::zones::faults::Fault;
use siegel_proto::events::v1::event::Data;
use siegel_upload::{inventory, sweep};

use crate::world::{HOUR, World, world};

/// Lets time pass without the clock being doubted for it.
async fn pass(world: &World, hours: i64) {
    for _ in 0..hours {
        world.clock.advance_ms(HOUR);
        sweep::run_once(&world.app).await.unwrap();
    }
}

/// As if a zone had written a file at that time.
fn date(file: &Path, at: Timestamp) {
    let at = UNIX_EPOCH + Duration::from_millis(at.0 as u64);
    File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
}

#[tokio::test]
async fn an_upload_without_a_part_for_a_day_is_swept() {
    let mut world = world().await;
    let (kept, swept) = (world.recording(1_000), world.uploaded(300_000).await);
    let committed = world.committed(1_000).await;
    pass(&world, 12).await;
    world.open(&world.sender, &kept).await;
    world.put(&world.sender, &kept, 0).await;
    pass(&world, 12).await;
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'gone'").await, 0, "a day is not over");
    pass(&world, 1).await;
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'gone'").await, 1);
    assert_eq!((world.objects(0).len(), world.objects(1).len()), (2, 2));
    let late = world.put(&world.sender, &swept, 0).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "record-state"));
    assert_eq!(world.commit(&world.sender, &swept).await.code(), "record-state");
    let small = world.post(&world.sender, "/v1/records/small", &swept.small()).await;
    assert_eq!(small.code(), "record-state", "an id never comes back");
    assert_eq!(world.commit(&world.sender, &kept).await.status, 200);
    assert_eq!(world.get_part(&world.member, committed.id(), 0).await.status, 200);
    assert!(world.told().await.iter().any(|data| matches!(data, Data::UploadSwept(_))));
    assert_eq!(world.count("SELECT count(*) FROM copies").await, 4);
}

#[tokio::test]
async fn during_the_sweep_neither_part_nor_commit_is_taken() {
    let mut world = world().await;
    let sealed = world.uploaded(1_000).await;
    world.faults[1].set(Fault::Down);
    pass(&world, 25).await;
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'sweeping'").await, 1, "a zone is away");
    assert_eq!(world.put(&world.sender, &sealed, 0).await.code(), "record-state");
    assert_eq!(world.commit(&world.sender, &sealed).await.code(), "record-state");
    world.restart().await;
    world.faults[1].set(Fault::None);
    world.clock.advance_ms(10_000);
    sweep::run_once(&world.app).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'gone'").await, 1);
    assert_eq!(world.objects(0).len() + world.objects(1).len(), 0);
}

#[tokio::test]
async fn f15_nothing_is_swept_by_a_clock_that_jumped() {
    let mut world = world().await;
    world.uploaded(1_000).await;
    world.clock.jump_wall_ms(800 * 24 * HOUR);
    world.app.unfinished.mark(world.ours);
    sweep::run_once(&world.app).await.unwrap();
    inventory::run_once(&world.app).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'open'").await, 1);
    assert_eq!(world.objects(0).len(), 1);
    let clock: SharedClock = world.app.ctx.clock.clone();
    ClockGuard::confirm(&world.state.path().join("clock.mark"), &clock).unwrap();
    sweep::run_once(&world.app).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'gone'").await, 1);
}

/// What a clock ahead stamped would have stayed until then.
#[tokio::test]
async fn f15_an_upload_from_a_clock_ahead_is_swept_a_day_after_it_is_right() {
    let mut world = world().await;
    world.clock.jump_wall_ms(800 * 24 * HOUR);
    world.uploaded(1_000).await;
    world.clock.jump_wall_ms(-800 * 24 * HOUR);
    let clock: SharedClock = world.app.ctx.clock.clone();
    ClockGuard::confirm(&world.state.path().join("clock.mark"), &clock).unwrap();
    pass(&world, 23).await;
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'open'").await, 1, "a day is not over");
    pass(&world, 3).await;
    assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'gone'").await, 1);
}

#[tokio::test]
async fn objects_without_a_row_go_when_they_are_old() {
    let mut world = world().await;
    world.committed(1_000).await;
    let zones = &world.app.ctx.zones;
    let (bucket, rng) = (zones.bucket(world.ours), &*world.app.ctx.rng);
    let [old, young, running] = [0, 1, 2].map(|number| ObjectName::part(rng, number));
    let _attempt = world.app.in_flight.begin(running.clone());
    for zone in zones.both() {
        for name in [&old, &young, &running] {
            zone.put_new(&bucket, name, Bytes::from_static(b"orphan")).await.unwrap();
        }
    }
    let now = world.clock.now();
    for zone in [0, 1] {
        for path in world.objects(zone) {
            let is_young = path.to_string_lossy().ends_with(young.as_str());
            let age = if is_young { 47 * HOUR } else { 49 * HOUR };
            date(&path, now.plus_ms(-age));
        }
    }
    assert_eq!(inventory::check_tenant(&world.app, world.ours).await.unwrap(), 2, "the old one, in both zones");
    for zone in [0, 1] {
        let left: Vec<String> =
            world.objects(zone).iter().map(|path| path.file_name().unwrap().to_string_lossy().into()).collect();
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(left.contains(&young.to_string()) && left.contains(&running.to_string()));
    }
    assert_eq!(inventory::check_tenant(&world.app, world.other).await.unwrap(), 0);
}

/// Until its date it would have been "young": for as long as the clock had been ahead.
#[tokio::test]
async fn f15_an_orphan_from_a_clock_ahead_goes_two_days_after_it_was_found() {
    let mut world = world().await;
    world.committed(1_000).await;
    let zones = &world.app.ctx.zones;
    let [orphan, record] = [0, 1].map(|number| ObjectName::part(&*world.app.ctx.rng, number));
    zones.a.put_new(&zones.bucket(world.ours), &orphan, Bytes::from_static(b"orphan")).await.unwrap();
    let ahead = world.clock.now().plus_ms(400 * 24 * HOUR);
    for path in world.objects(0) {
        date(&path, ahead);
    }
    let key = record.as_str(); // of a record that never came to be
    world.app.shred_keys.get_or_create(world.ours, key, ahead).await.unwrap();

    let check = async |world: &World| inventory::check_tenant(&world.app, world.ours).await.unwrap();
    assert_eq!(check(&world).await, 0, "young, as far as anybody knows");
    world.restart().await; // a millisecond
    world.clock.advance_ms(48 * HOUR - 1);
    assert_eq!(check(&world).await, 0, "two days are not over");
    world.clock.advance_ms(1);
    assert_eq!(check(&world).await, 1);
    assert_eq!(world.objects(0).len(), 1, "what a row names stays");
    assert!(world.app.shred_keys.get(world.ours, key).await.unwrap().is_none());
    assert_eq!(world.count("SELECT count(*) FROM strays").await, 0);
}

#[tokio::test]
async fn tombstones_are_no_orphans() {
    let mut world = world().await;
    let sealed = world.committed(1_000).await;
    world.erase(sealed.id()).await.unwrap();
    world.clock.advance_ms(60 * 24 * HOUR);
    inventory::check_tenant(&world.app, world.ours).await.unwrap();
    assert_eq!((world.tombstones(0).len(), world.tombstones(1).len()), (1, 1));
}

/// Made beside the bytes, before anything is committed: what came of it may be nothing.
#[tokio::test]
async fn shred_keys_that_open_nothing_go_when_they_are_old() {
    let mut world = world().await;
    let (kept, erased, failed) = (world.committed(100).await, world.committed(100).await, world.recording(100));
    let conversation = ConversationId::from_bytes([5; 16]);
    let with = siegel_domain::Party::Tenant(world.ours);
    let thread = OpenConversation { conversation, with, sealed_subject: Some(siegel_api::Bytes(b"sealed".to_vec())) };
    assert_eq!(world.post(&world.sender, "/v1/conversations", &thread).await.status, 200);
    world.execute("CREATE TRIGGER fails BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'no'); END").await;
    assert_eq!(world.post(&world.sender, "/v1/records/small", &failed.small()).await.status, 500);
    world.execute("DROP TRIGGER fails").await;
    assert!(world.erase(erased.id()).await.unwrap().done);
    // A duplicate of its upload that was slow: it makes the key anew, and then finds the record's row.
    let (keys, now) = (&world.app.shred_keys, world.clock.now());
    keys.get_or_create(world.ours, &erased.id().to_string(), now).await.unwrap();

    let there = async |id: RecordId| keys.get(world.ours, &id.to_string()).await.unwrap().is_some();
    inventory::check_tenant(&world.app, world.ours).await.unwrap();
    assert!(there(failed.id()).await && there(erased.id()).await, "young: its commit may be on its way");
    world.clock.advance_ms(49 * HOUR);
    keys.get_or_create(world.ours, &failed.id().to_string(), world.clock.now()).await.unwrap();
    inventory::check_tenant(&world.app, world.ours).await.unwrap();
    assert!(there(failed.id()).await, "asked for again");
    assert!(!there(erased.id()).await);
    world.clock.advance_ms(49 * HOUR);
    inventory::check_tenant(&world.app, world.ours).await.unwrap();
    assert!(!there(failed.id()).await);
    assert_eq!(world.read(&world.member, kept.id()).await.id, kept.id());
    assert_eq!(world.get(&world.member, &format!("/v1/conversations/{conversation}")).await.status, 200);
}
