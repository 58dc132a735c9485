//! Local directories as zones, and what happens when one misbehaves.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::future::BoxFuture;
use siegel_domain::time::DAY_MS;
use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::{Clock, ManualClock, SharedClock, SystemClock};
use siegel_platform::rng::{Rng, SeededRng, SystemRng};
use siegel_platform::zones::faults::{Fault, Faults, FaultyZone};
use siegel_platform::zones::{
    Bucket, CALLS, DEADLINE_MS, LocalZone, NAMES, ObjectName, SLOW_MS, Zone, ZoneError, ZoneMetrics, ZoneOpenError,
    Zones, contract,
};

/// Later than anything.
const END: Timestamp = Timestamp(i64::MAX);

fn local(root: &Path, clock: SharedClock, faults: &Faults) -> Zone {
    measured(root, clock, faults, ZoneMetrics::default())
}

fn measured(root: &Path, clock: SharedClock, faults: &Faults, metrics: ZoneMetrics) -> Zone {
    LocalZone::make(root, NAMES[0]).unwrap();
    let zone = LocalZone::open(NAMES[0], root).unwrap();
    let faulty = FaultyZone::wrap(zone.clone(), zone, faults.clone(), clock.clone());
    Zone::new(NAMES[0], "EU", faulty.clone(), faulty, clock, metrics)
}

fn zones(state: &Path) -> Result<Zones, ZoneOpenError> {
    Zones::open_local(state, "EU-DE", [1; 32], SystemClock::shared(), ZoneMetrics::default())
}

fn tenant() -> TenantId {
    TenantId::from_bytes([1; 16])
}

fn name() -> ObjectName {
    ObjectName::part(&SystemRng, 0)
}

#[tokio::test]
async fn a_directory_keeps_the_contract_of_a_zone() {
    let state = tempfile::tempdir().unwrap();
    let zone = local(&state.path().join("a"), SystemClock::shared(), &Faults::new());
    contract::run(&zone, &SystemClock::new(), &SystemRng).await.unwrap();
}

#[tokio::test]
async fn both_zones_hold_what_was_put_once() {
    let state = tempfile::tempdir().unwrap();
    let zones = zones(state.path()).unwrap();
    let (bucket, name, bytes) = (zones.bucket(tenant()), name(), Bytes::from_static(b"sealed"));
    let outcome = zones.put_both(&bucket, &name, bytes.clone()).await;
    assert_eq!(outcome.held_by(), NAMES);
    assert!(outcome.failure().is_none());
    for zone in zones.both() {
        assert_eq!(zone.get(&bucket, &name).await.unwrap(), bytes);
        assert!(zones.by_name(zone.name).is_some());
    }
    assert!(zones.outside("EU").is_empty());
    assert_eq!(zones.outside("CH"), NAMES);
}

#[tokio::test]
async fn a_zone_that_is_not_mounted_is_lost_and_not_empty() {
    let state = tempfile::tempdir().unwrap();
    let zones = zones(state.path()).unwrap();
    let (bucket, name) = (zones.bucket(tenant()), name());
    zones.put_both(&bucket, &name, Bytes::from_static(b"sealed")).await;
    let (a, away) = (state.path().join("zones/a"), state.path().join("away"));
    std::fs::rename(&a, &away).unwrap();

    assert!(matches!(zones.a.get(&bucket, &name).await, Err(ZoneError::Failed(_))), "not 'no such object'");
    assert!(zones.a.delete(&bucket, &name).await.is_err(), "nothing proves absence while the zone is away");
    assert!(zones.a.exists(&bucket, &name).await.is_err());
    let mut listing = zones.a.list_outside(&bucket, END..=END).await.unwrap();
    assert!(listing.next_page().await.is_err(), "not an empty bucket");
    assert!(zones.a.health().await.is_err());
    let outcome = zones.put_both(&bucket, &ObjectName::part(&SystemRng, 1), Bytes::from_static(b"more")).await;
    assert_eq!(outcome.held_by(), [NAMES[1]]);
    assert!(!a.exists(), "written into the mount point");
    // Started while the disk is away: the platform runs without the zone and makes no empty one in its place.
    let restarted = self::zones(state.path()).unwrap();
    assert!(restarted.a.health().await.is_err() && !a.exists());

    std::fs::rename(&away, &a).unwrap();
    assert_eq!(restarted.a.get(&bucket, &name).await.unwrap(), "sealed");
}

#[tokio::test]
async fn swapped_disks_are_noticed() {
    let state = tempfile::tempdir().unwrap();
    zones(state.path()).unwrap();
    let [a, b, x] = ["zones/a", "zones/b", "zones/x"].map(|path| state.path().join(path));
    std::fs::rename(&a, &x).unwrap();
    std::fs::rename(&b, &a).unwrap();
    std::fs::rename(&x, &b).unwrap();
    assert!(matches!(zones(state.path()), Err(ZoneOpenError::Swapped { .. })));
}

#[tokio::test]
async fn what_a_killed_write_left_is_cleaned_when_it_is_old() {
    let state = tempfile::tempdir().unwrap();
    let zones = zones(state.path()).unwrap();
    let (bucket, name) = (zones.bucket(tenant()), name());
    zones.a.put_new(&bucket, &name, Bytes::from_static(b"sealed")).await.unwrap();
    let staged = state.path().join("zones/a").join(bucket.as_str()).join(format!("{}#1", self::name()));
    std::fs::write(&staged, b"half").unwrap();
    assert_eq!(zones.a.clean(&bucket, Timestamp(0)..=END).await.unwrap().leftovers, 0);
    assert_eq!(zones.a.clean(&bucket, END..=END).await.unwrap().leftovers, 1);
    assert!(!staged.exists() && zones.a.exists(&bucket, &name).await.unwrap());
}

#[tokio::test]
async fn f15_what_a_write_left_under_a_clock_ahead_is_young_from_now_on() {
    let state = tempfile::tempdir().unwrap();
    let zones = zones(state.path()).unwrap();
    let (bucket, now) = (zones.bucket(tenant()), SystemClock::new().now());
    let staged = state.path().join("zones/a").join(bucket.as_str()).join(format!("{}#1", name()));
    std::fs::create_dir_all(staged.parent().unwrap()).unwrap();
    std::fs::write(&staged, b"half").unwrap();
    let ahead = UNIX_EPOCH + Duration::from_millis(now.plus_ms(400 * DAY_MS).0 as u64);
    File::options().append(true).open(&staged).unwrap().set_modified(ahead).unwrap();
    let clean = async |now: Timestamp| zones.a.clean(&bucket, now.plus_ms(-DAY_MS)..=now).await.unwrap().leftovers;
    assert_eq!(clean(now).await, 0);
    assert_eq!(clean(now.plus_ms(DAY_MS)).await, 0, "a day is not over");
    assert_eq!(clean(now.plus_ms(DAY_MS + 1)).await, 1);
}

#[tokio::test]
async fn a_failing_zone_is_cut_off_and_tried_again_later() {
    let (state, faults) = (tempfile::tempdir().unwrap(), Faults::new());
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let metrics = ZoneMetrics::default();
    let zone = measured(state.path(), clock.clone(), &faults, metrics.clone());
    let bucket = Bucket::of(tenant(), &[1; 32]);
    let rng = SeededRng::new(1);
    let put = async || zone.put_new(&bucket, &ObjectName::part(&rng, 0), Bytes::from_static(b"x")).await;

    put().await.unwrap();
    faults.set(Fault::Full);
    for _ in 0..3 {
        assert!(matches!(put().await, Err(ZoneError::Full(_))));
    }
    assert!(matches!(put().await, Err(ZoneError::CutOff)), "the fourth caller loses no time");
    assert!(!zone.writes_go_well());
    assert_eq!(faults.writes(), 4, "and does not reach the zone");
    let known = ObjectName::part(&rng, 0);
    assert!(!zone.exists(&bucket, &known).await.unwrap(), "a full zone still reads");

    // Reading fails too, and then goes well again: what can't be written is still not up.
    faults.set(Fault::Down);
    while !matches!(zone.exists(&bucket, &known).await, Err(ZoneError::CutOff)) {}
    faults.set(Fault::Full);
    clock.advance_ms(5_000);
    assert!(!zone.exists(&bucket, &known).await.unwrap());
    assert!(!metrics.is_up(NAMES[0]));
    assert!(matches!(put().await, Err(ZoneError::Full(_))), "the one who may try");

    faults.set(Fault::None);
    assert!(matches!(put().await, Err(ZoneError::CutOff)), "healed, but it has not rested");
    clock.advance_ms(5_000);
    put().await.unwrap();
    put().await.unwrap();
    assert!(metrics.is_up(NAMES[0]));
    assert!(zone.writes_go_well());
}

#[tokio::test]
async fn a_zone_that_nobody_uses_is_missed_all_the_same() {
    let (state, faults, metrics) = (tempfile::tempdir().unwrap(), Faults::new(), ZoneMetrics::default());
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let zone = measured(state.path(), clock, &faults, metrics.clone());
    for (fault, answers) in [(Fault::None, true), (Fault::Down, false), (Fault::None, true)] {
        faults.set(fault);
        zone.look().await;
        assert_eq!((metrics.answers(NAMES[0]), metrics.is_up(NAMES[0])), (answers, true), "a look opens no breaker");
    }
}

#[tokio::test]
async fn a_slow_zone_is_given_up_at_the_deadline() {
    let (state, faults) = (tempfile::tempdir().unwrap(), Faults::new());
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let zone = local(state.path(), clock.clone(), &faults);
    let bucket = Bucket::of(tenant(), &[1; 32]);
    for (ms, late) in [(SLOW_MS + 1, false), (DEADLINE_MS + 1, true), (DEADLINE_MS + 1, true)] {
        faults.set(Fault::Slow { ms });
        let name = ObjectName::part(&SystemRng, 0);
        let put = zone.put_new(&bucket, &name, Bytes::from_static(b"x"));
        let wait = async {
            clock.sleeping(2).await; // the deadline and the slow zone
            clock.advance_ms(ms.min(DEADLINE_MS));
        };
        let (result, ()) = futures::join!(put, wait);
        assert_eq!(matches!(result, Err(ZoneError::Late)), late, "{result:?}");
    }
    assert_eq!(clock.monotonic_ms(), SLOW_MS + 1 + 2 * DEADLINE_MS);
    assert!(
        matches!(zone.put_new(&bucket, &name(), Bytes::new()).await, Err(ZoneError::CutOff)),
        "slow counts as failing"
    );
}

#[tokio::test]
async fn a_zone_that_lies_about_deleting_is_found_out() {
    let (state, faults) = (tempfile::tempdir().unwrap(), Faults::new());
    let zone = local(state.path(), SystemClock::shared(), &faults);
    let bucket = Bucket::of(tenant(), &[1; 32]);
    let rng: &dyn Rng = &SystemRng;
    let name = ObjectName::part(rng, 0);
    zone.put_new(&bucket, &name, Bytes::from_static(b"x")).await.unwrap();
    faults.set(Fault::KeepDeleted);
    assert!(zone.delete(&bucket, &name).await.is_err());
    faults.set(Fault::None);
    zone.delete(&bucket, &name).await.unwrap();
}

#[tokio::test]
async fn a_deletion_counts_once_it_survives_a_power_loss() {
    let (state, faults) = (tempfile::tempdir().unwrap(), Faults::new());
    let zone = local(state.path(), SystemClock::shared(), &faults);
    let (bucket, name) = (Bucket::of(tenant(), &[1; 32]), name());
    zone.put_new(&bucket, &name, Bytes::from_static(b"x")).await.unwrap();
    faults.set(Fault::Unsettled);
    assert!(zone.delete(&bucket, &name).await.is_err());
    assert!(!zone.exists(&bucket, &name).await.unwrap(), "gone, for now");
    assert!(zone.delete(&bucket, &name).await.is_err(), "tried again: nothing to delete, and still not durable");
    faults.set(Fault::None);
    zone.delete(&bucket, &name).await.unwrap();
    zone.delete(&Bucket::of(tenant(), &[2; 32]), &name).await.expect("no bucket, nothing to delete");
}

/// A zone that hangs: what was given up goes on, and keeps its place.
#[tokio::test]
async fn a_zone_that_hangs_holds_so_many_calls_and_no_more() {
    let (state, faults) = (tempfile::tempdir().unwrap(), Faults::new());
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let zone = local(state.path(), clock.clone(), &faults);
    let bucket = Bucket::of(tenant(), &[1; 32]);
    let put = async || zone.put_new(&bucket, &name(), Bytes::from_static(b"x")).await;
    let given_up = async |calls: usize| {
        let all = futures::future::join_all((0..calls).map(|_| put()));
        let wait = async {
            clock.sleeping(calls).await;
            while faults.writes() < CALLS as u64 {
                tokio::task::yield_now().await;
            }
            clock.advance_ms(DEADLINE_MS);
        };
        futures::join!(all, wait).0.iter().all(|result| matches!(result, Err(ZoneError::Late)))
    };
    faults.set(Fault::Hold);
    assert!(given_up(CALLS + 10).await);
    assert_eq!(faults.writes(), CALLS as u64, "ten never reached it");
    clock.advance_ms(5_000);
    assert!(given_up(1).await, "whoever tries after the rest finds no place");
    assert_eq!((faults.writes(), faults.ended_writes()), (CALLS as u64, 0));

    faults.set(Fault::None);
    while faults.ended_writes() < CALLS as u64 {
        tokio::task::yield_now().await;
    }
    clock.advance_ms(5_000);
    put().await.unwrap();
}

/// Administration and listing are calls like any other.
#[tokio::test]
async fn nothing_that_is_asked_of_a_zone_waits_beyond_the_deadline() {
    let (state, faults) = (tempfile::tempdir().unwrap(), Faults::new());
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let zone = local(state.path(), clock.clone(), &faults);
    let bucket = Bucket::of(tenant(), &[1; 32]);
    faults.set(Fault::Slow { ms: 10 * DEADLINE_MS });
    let late = async |call: BoxFuture<'_, Result<(), ZoneError>>| {
        let wait = async {
            clock.sleeping(2).await; // the deadline and the slow zone
            clock.advance_ms(DEADLINE_MS);
        };
        let (result, ()) = futures::join!(call, wait);
        assert!(matches!(result, Err(ZoneError::Late)), "{result:?}");
        clock.advance_ms(10 * DEADLINE_MS); // it ends, for nobody
    };
    late(Box::pin(async { zone.has_bucket(&bucket).await.map(drop) })).await;
    late(Box::pin(zone.make_bucket(&bucket))).await;
    late(Box::pin(zone.delete_bucket(&bucket))).await;
    late(Box::pin(async { zone.clean(&bucket, Timestamp(0)..=END).await.map(drop) })).await;
    late(Box::pin(zone.health())).await;
    late(Box::pin(async { zone.list_outside(&bucket, Timestamp(0)..=END).await?.next_page().await.map(drop) })).await;
}
