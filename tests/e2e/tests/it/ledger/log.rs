//! FAULTS F10 and F12: Kafka is away, consumers are killed. Uploads do not notice; what was told late is told once, in order.

use std::time::Duration;

use super::listener::Listener;
use super::{Case, rounds};

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
    case.available.has_deadlines().await;
    case.ends_whole().await;
}
