//! FAULTS F1, F2, F5, F6, F9 and R08: a zone that is cut, dies midway, is slow, rots, or is lost with everything in it.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures::future::{Either, select};
use siegel_client::Meter;
use siegel_platform::clock::{Clock as _, SystemClock};

use super::{Case, rounds, turned_away};
use crate::support::{bytes, code};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f01_a_zone_cut_before_an_upload_costs_a_copy_and_nothing_else() {
    let case = Case::new().await;
    case.available.send(b"before").await;
    for zone in ["b", "a"] {
        case.ground.cut(&format!("s3-{zone}")).await.unwrap();
        let sent = case.available.send(format!("without zone {zone}").as_bytes()).await;
        assert!(sent.degraded, "its receipt says that one zone has it");
        // Both or nothing: at once, with a word on when to come back, and no trace of the attempt.
        let (session, clock) = (case.strict.impatient(), SystemClock::new());
        let asked_ms = clock.monotonic_ms();
        let refused = session.upload_bytes(b"both or nothing".to_vec(), "ecg.edf").send().await.unwrap_err();
        let took_ms = clock.monotonic_ms() - asked_ms;
        turned_away(&refused);
        assert!(took_ms <= 1_500, "{took_ms} ms; the client's own sealing and asking for keys are in it");
        case.available.check().await.unwrap();
        case.ground.mend_lines().await.unwrap();
        case.repaired().await;
        case.strict.send(format!("zone {zone} is back").as_bytes()).await;
    }
    assert_eq!(case.available.ledger.degraded(), 2);
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f02_a_zone_that_dies_while_parts_are_on_their_way() {
    let case = Case::new().await;
    let plain = bytes(2, 60_000_000);
    let path = case.world.outside("long.edf");
    std::fs::write(&path, &plain).unwrap();
    // One copy is enough here: it goes through, and says so.
    let meter = Meter::default();
    let upload = case.available.sender.session.upload(&path).meter(meter.clone()).send();
    let sent = cut_midway(&case, &meter, upload).await.unwrap();
    assert!(sent.degraded);
    case.available.ledger.acknowledged(&sent, &plain).unwrap();
    case.ground.mend_lines().await.unwrap();
    case.repaired().await;
    case.strict.send(b"both are there again").await;
    // Both are wanted here: the part is refused, and what is there already is not sent again.
    let (meter, impatient) = (Meter::default(), case.strict.impatient());
    let upload = impatient.upload(&path).meter(meter.clone()).send();
    let refused = cut_midway(&case, &meter, upload).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(code(refused), "zone-unavailable");
    case.ground.mend_lines().await.unwrap();
    let sent = case.strict.sender.session.upload(&path).send().await.unwrap();
    assert!(sent.resumed_bytes > 0 && !sent.degraded, "{sent:?}");
    case.strict.ledger.acknowledged(&sent, &plain).unwrap();
    case.ends_whole().await;
}

/// Cuts zone b once a third of the file has left.
async fn cut_midway<T>(case: &Case, meter: &Meter, upload: impl Future<Output = T>) -> T {
    let midway = async {
        while meter.bytes() < 20_000_000 {
            siegel_e2e::moment(Duration::from_millis(1)).await;
        }
        case.ground.cut("s3-b").await.unwrap();
    };
    match select(pin!(upload), pin!(midway)).await {
        Either::Left(_) => panic!("it ended before it was midway"),
        Either::Right(((), upload)) => upload.await,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f05_f06_copies_that_differ_are_healed_from_the_good_one() {
    // Every copy is looked at in every round.
    let case = Case::with(&[("upload", "scrub_every_days = 0\n")]).await;
    let begun = SystemTime::UNIX_EPOCH + Duration::from_millis(SystemClock::new().now().0 as u64);
    for number in 0..6 {
        case.available.send(&bytes(number, 50_000 + 1_000 * number as usize)).await;
    }
    // Manifests lie beside the parts, and are smaller.
    let parts = |zone: &str| {
        let mut parts = case.ground.objects_since(zone, begun);
        parts.retain(|path| std::fs::metadata(path).is_ok_and(|object| object.len() > 39_000));
        parts
    };
    let (a, b) = (parts("a"), parts("b"));
    assert_eq!((a.len(), b.len()), (6, 6));
    let mut wanted = contents(&a);
    wanted.sort();
    // Of each record at most one copy is damaged, or it would be F7. Names differ by zone; the bytes say what belongs together.
    let other = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        b.iter().find(|copy| std::fs::read(copy).unwrap() == bytes).unwrap().clone()
    };
    let others: Vec<PathBuf> = a.iter().map(|path| other(path)).collect();
    let damage = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    };
    damage(&a[0], &|bytes| bytes[20_000] ^= 1);
    damage(&others[1], &|bytes| bytes.truncate(4_096));
    damage(&a[2], &|bytes| bytes.truncate(12 * 4_096));
    std::fs::remove_file(&others[3]).unwrap();
    let foreign = std::fs::read(&a[5]).unwrap();
    damage(&a[4], &|bytes| bytes.clone_from(&foreign));
    case.available.check().await.unwrap();
    // The scrubber reads what nobody reads, also the zone that answered no question.
    for _ in 0..1_200 {
        let healed = |zone: &str| {
            let mut now = contents(&parts(zone));
            now.sort();
            now == wanted
        };
        if healed("a") && healed("b") {
            assert!(
                case.programs().number("upload", "siegel_copies_damaged_total").await.unwrap() >= 5.0,
                "and counted"
            );
            return case.ends_whole().await;
        }
        siegel_e2e::moment(Duration::from_millis(50)).await;
    }
    panic!("not healed within a minute:\n{}", case.programs().log("upload"));
}

fn contents(paths: &[PathBuf]) -> Vec<Vec<u8>> {
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f09_a_slow_zone_is_a_lost_one_and_the_others_do_not_feel_it() {
    let case = Case::new().await;
    let load = case.available.work();
    load.goes_on(5, Duration::from_secs(30)).await.unwrap();
    case.ground.slow("s3-b", Duration::from_secs(5)).await.unwrap();
    load.goes_on(40, Duration::from_secs(60)).await.unwrap();
    case.ground.mend_lines().await.unwrap();
    let [_, downloads] = case.available.finish("F9", load).await;
    assert!(downloads < Duration::from_secs(5), "who reads does not wait for the slow zone: {downloads:?}");
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn r08_a_lost_zone_costs_a_pause_under_load_whichever_it_is() {
    let case = Case::new().await;
    for round in 0..rounds() {
        for zone in ["b", "a"] {
            let loads = case.work();
            loads[0].goes_on(5, Duration::from_secs(30)).await.unwrap();
            loads[1].goes_on(5, Duration::from_secs(30)).await.unwrap();
            println!(
                "round {round}: zone {zone} is lost, PostgreSQL's primary is in {}",
                case.ground.primary().unwrap()
            );
            case.ground.lose_zone(zone).await.unwrap();
            // Downloads and uploads go on with the other zone alone; the strict institution's wait for both.
            loads[0].goes_on(10, Duration::from_secs(60)).await.unwrap();
            let [available, strict] = loads;
            case.available.finish("R08", available).await;
            assert!(case.available.ledger.degraded() > 0);
            case.ground.heal().await.unwrap();
            strict.goes_on(3, Duration::from_secs(60)).await.unwrap();
            let (_, downloads) = strict.end().await.unwrap();
            assert!(downloads.failed.is_empty(), "{:?}", downloads.failed);
            case.repaired().await;
        }
    }
    case.ends_whole().await;
}
