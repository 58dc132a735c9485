//! FAULTS F10 and F12: Kafka is away, consumers are killed. Uploads do not notice; what was told late is told once, in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use siegel_client::Code;
use siegel_domain::RecordId;
use tokio::task::JoinHandle;

use super::{Case, House, rounds};

/// The centre's owner, who listens the whole time, whatever happens to the line.
struct Listener {
    heard: Arc<Mutex<BTreeMap<String, usize>>>,
    listening: JoinHandle<()>,
}

impl Listener {
    async fn begin(house: &House) -> Self {
        let heard: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let mut events = house.owner().events(None);
        events.listen().await.unwrap();
        let told = heard.clone();
        let listening = tokio::spawn(async move {
            loop {
                let event = events.next().await.unwrap();
                if event.kind == "siegel.record.committed.v1" {
                    *told.lock().unwrap().entry(event.subject).or_default() += 1;
                }
            }
        });
        Self { heard, listening }
    }

    /// Every acknowledged record is heard of, once.
    async fn heard_all(&self, house: &House) {
        let heard = || self.heard.lock().unwrap().clone();
        for _ in 0..1_200 {
            assert!(!self.listening.is_finished(), "the stream ended with an error");
            if heard().len() >= house.ledger.len() {
                break;
            }
            siegel_e2e::moment(Duration::from_millis(50)).await;
        }
        let heard = heard();
        let all: Vec<String> = house.ledger.records().iter().map(ToString::to_string).collect();
        let never: Vec<&String> = all.iter().filter(|record| !heard.contains_key(*record)).collect();
        assert!(never.is_empty(), "{} of {} were never heard of: {never:?}", never.len(), all.len());
        let often: Vec<_> = heard.iter().filter(|(_, times)| **times != 1).collect();
        assert!(often.is_empty(), "heard of more than once: {often:?}");
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f10_kafka_away_for_twenty_seconds_is_not_noticed_by_who_sends() {
    let case = Case::new().await;
    let listeners = [Listener::begin(&case.available).await, Listener::begin(&case.strict).await];
    for _ in 0..rounds() {
        let loads = case.work();
        loads[0].goes_on(5, Duration::from_secs(30)).await.unwrap();
        case.ground.cut("kafka").await.unwrap();
        siegel_e2e::moment(Duration::from_secs(20)).await; // the fault itself: so long it is away
        loads[0].goes_on(5, Duration::from_secs(10)).await.unwrap();
        case.ground.mend_lines().await.unwrap();
        case.finish("F10", loads).await;
        listeners[0].heard_all(&case.available).await;
        listeners[1].heard_all(&case.strict).await;
    }
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f12_consumers_killed_at_work_have_each_effect_once() {
    let mut case = Case::new().await;
    let listeners = [Listener::begin(&case.available).await, Listener::begin(&case.strict).await];
    let loads = case.work();
    for _ in 0..3 * rounds() {
        for name in ["notification", "retention"] {
            loads[0].goes_on(4, Duration::from_secs(60)).await.unwrap();
            case.programs_mut().kill_nine(name).unwrap();
            case.programs_mut().start_again(name).await.unwrap();
        }
    }
    case.finish("F12", loads).await;
    listeners[0].heard_all(&case.available).await;
    listeners[1].heard_all(&case.strict).await;
    // Retention's effect, in its own time: each record has its deadline.
    for record in case.available.ledger.records() {
        has_a_deadline(&case.available, record).await;
    }
    case.ends_whole().await;
}

async fn has_a_deadline(house: &House, record: RecordId) {
    for _ in 0..600 {
        match house.owner().deadline(record).await {
            Ok(_) => return,
            Err(error) if error.code() == Some(Code::NotFound) => {}
            Err(error) => panic!("{record}: {error}"),
        }
        siegel_e2e::moment(Duration::from_millis(50)).await;
    }
    panic!("{record} has no deadline after half a minute");
}
