//! FAULTS F1, F2, F3, F9 and R08: a zone that is cut, dies midway, has what no database knows, is slow, or is lost with
//! everything in it.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use siegel_client::Meter;
use siegel_platform::clock::{Clock as _, SystemClock};

use super::{Case, now, rounds, turned_away};
use crate::support::{bytes, code};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f01_a_zone_cut_before_an_upload_costs_a_copy_and_nothing_else() {
    let case = Case::new().await;
    for round in 0..rounds() {
        case.available.send(format!("before round {round}").as_bytes()).await;
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
        assert_eq!(case.available.ledger.degraded(), 2 * (round + 1));
    }
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f02_a_zone_that_dies_while_parts_are_on_their_way() {
    let case = Case::new().await;
    for round in 0..rounds() {
        let plain = bytes(2 + 2 * round as u64, 60_000_000);
        let path = case.world.outside(&format!("long-{round}.edf"));
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
    }
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
async fn f03_what_a_zone_has_and_no_database_knows_becomes_one_record_when_it_is_sent_again() {
    let mut case = Case::new().await;
    for round in 0..rounds() {
        case.strict.send(format!("before round {round}").as_bytes()).await;
        // Nothing is written down before both zones have it, and zone b takes its time.
        case.ground.slow("s3-b", Duration::from_secs(2)).await.unwrap();
        let (begun, plain, sender) = (now(), bytes(3 + 2 * round as u64, 50_000), case.strict.sender.session.clone());
        let content = plain.clone();
        let sending = tokio::spawn(async move { sender.upload_bytes(content, "ecg.edf").send().await });
        while case.ground.objects_since("a", begun).is_empty() {
            assert!(!sending.is_finished(), "it ended before zone a had it");
            siegel_e2e::moment(Duration::from_millis(5)).await;
        }
        for zone in siegel_e2e::ZONES {
            case.ground.cut(&format!("pg-{zone}")).await.unwrap();
        }
        case.programs_mut().kill_nine("upload").unwrap();
        case.programs_mut().begin("upload").unwrap();
        case.programs().says("upload", "waiting for a part").await.unwrap();
        assert!(!sending.is_finished(), "nobody could have acknowledged it");
        case.ground.mend_lines().await.unwrap();
        case.programs_mut().until_ready("upload").await.unwrap();
        // The client went on asking, with the same key.
        let sent = sending.await.unwrap().unwrap();
        case.strict.ledger.acknowledged(&sent, &plain).unwrap();
        case.strict.check().await.unwrap();
    }
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f09_a_slow_zone_is_a_lost_one_and_the_others_do_not_feel_it() {
    let case = Case::new().await;
    for _ in 0..rounds() {
        let load = case.available.work();
        load.goes_on(5, Duration::from_secs(30)).await.unwrap();
        case.ground.slow("s3-b", Duration::from_secs(5)).await.unwrap();
        load.goes_on(40, Duration::from_secs(60)).await.unwrap();
        case.ground.mend_lines().await.unwrap();
        let [_, downloads] = case.available.finish("F9", load).await;
        assert!(downloads < Duration::from_secs(5), "who reads does not wait for the slow zone: {downloads:?}");
        case.repaired().await;
    }
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
