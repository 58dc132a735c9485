//! FAULTS F11: what Kafka brings comes twice, in disorder, or to another process than a moment ago. Each effect is there once, and
//! what is told of a record is told in order.

use std::collections::HashMap;
use std::time::Duration;

use memchr::memmem;

use super::listener::Listener;
use super::{Case, rounds};

/// So much longer PostgreSQL's answers take while the relay dies: from what Kafka has to the mark are three of them.
const SLOWER: Duration = Duration::from_millis(200);
/// How often a round may kill too late: it looks from outside at a moment of a few hundred milliseconds.
const TRIES: usize = 5;
/// Events that had their effect in a process, by consumer.
const HANDLED: &str = "siegel_events_handled_total{";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f11_replicas_that_come_and_go_have_each_effect_once() {
    let mut case = Case::new().await;
    let listeners = [Listener::begin(&case.available).await, Listener::begin(&case.strict).await];
    for round in 0..rounds() {
        let loads = case.work();
        loads[0].goes_on(3, Duration::from_secs(60)).await.unwrap();
        // One more of each: who takes which partition is decided anew. Notification's replica hears everything once more.
        let retention = case.programs().replica("retention").await.unwrap();
        let notification = case.programs().replica("notification").await.unwrap();
        loads[0].goes_on(3, Duration::from_secs(60)).await.unwrap();
        // The one that was there first goes, as in an update: the other one has all of the work.
        case.programs().terminate("retention").unwrap();
        let status = case.programs_mut().ended("retention").await.unwrap();
        assert!(status.success(), "retention ended with {status}:\n{}", case.programs().log("retention"));
        let before = retention.number(HANDLED).await.unwrap();
        let took_over = async {
            while retention.number(HANDLED).await.unwrap() <= before {
                siegel_e2e::moment(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), took_over).await.expect("the replica takes over");
        case.programs_mut().start_again("retention").await.unwrap();
        loads[0].goes_on(3, Duration::from_secs(60)).await.unwrap();
        // And the newcomers go again: with a word, or without one.
        if round % 2 == 0 {
            retention.kill_nine().unwrap();
            notification.stop().await.unwrap();
        } else {
            retention.stop().await.unwrap();
            notification.kill_nine().unwrap();
        }
        for load in &loads {
            load.goes_on(2, Duration::from_secs(60)).await.unwrap();
        }
        case.finish("F11, replicas", loads).await;
        listeners[0].heard_all(&case.available).await;
        listeners[1].heard_all(&case.strict).await;
    }
    ends(case).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f11_what_a_relay_carried_and_did_not_note_is_carried_again_and_has_one_effect() {
    let mut case = Case::new().await;
    let listeners = [Listener::begin(&case.available).await, Listener::begin(&case.strict).await];
    for round in 0..rounds() {
        let mut tries = 1;
        while !dies_before_it_notes(&mut case, &listeners).await {
            // The kill came a moment too late: upload had noted what Kafka has, and nothing was tried.
            assert!(tries < TRIES, "round {round}: upload noted in time what it carried, {tries} times in a row");
            tries += 1;
        }
    }
    ends(case).await;
}

/// Kills upload as soon as Kafka has something new. Says whether that was before PostgreSQL knew, so that it was carried again.
async fn dies_before_it_notes(case: &mut Case, listeners: &[Listener; 2]) -> bool {
    let twice = carried_twice(case, listeners);
    let loads = case.work();
    for load in &loads {
        load.goes_on(2, Duration::from_secs(60)).await.unwrap();
    }
    for zone in siegel_e2e::ZONES {
        case.ground.slow(&format!("pg-{zone}"), SLOWER).await.unwrap();
    }
    // Kafka has more than a moment ago, and PostgreSQL can't know it yet: that is when upload dies.
    let there = carried(case).len();
    let more = async {
        while carried(case).len() <= there {
            siegel_e2e::moment(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), more).await.expect("events are carried");
    case.programs_mut().kill_nine("upload").unwrap();
    case.ground.mend_lines().await.unwrap();
    case.programs_mut().start_again("upload").await.unwrap();
    for load in &loads {
        load.goes_on(2, Duration::from_secs(60)).await.unwrap();
    }
    case.finish("F11, relay", loads).await;
    listeners[0].heard_all(&case.available).await;
    listeners[1].heard_all(&case.strict).await;
    // A dead relay's work is taken up when its lease has run out.
    let again = async {
        while carried_twice(case, listeners) <= twice {
            siegel_e2e::moment(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.is_ok()
}

/// Retention's effect is there for everybody, nothing was put aside, and all is whole.
async fn ends(case: Case) {
    for house in [&case.available, &case.strict] {
        house.has_deadlines().await;
    }
    assert_eq!(case.programs().number("retention", "siegel_events_parked_total{").await.unwrap(), 0.0);
    case.ends_whole().await;
}

/// Upload's topic on Kafka's disk.
fn carried(case: &Case) -> Vec<u8> {
    case.programs().carried("upload").unwrap()
}

/// How many commits Kafka has more often than once. A message names its event the same number of times as any other.
fn carried_twice(case: &Case, listeners: &[Listener; 2]) -> usize {
    let carried = carried(case);
    let ids: Vec<String> = listeners.iter().flat_map(Listener::commits).collect();
    let mut named: HashMap<&[u8], usize> = HashMap::new();
    for at in memmem::find_iter(&carried, b"evt_") {
        // All ids are of one length.
        let id = ids.first().and_then(|id| carried.get(at..at + id.len())).unwrap_or_default();
        *named.entry(id).or_default() += 1;
    }
    let times: Vec<usize> = ids.iter().filter_map(|id| named.get(id.as_bytes()).copied()).collect();
    let once = times.iter().copied().min().unwrap_or(0);
    times.into_iter().filter(|times| *times > once).count()
}
