//! FAULTS F4: the work is done and committed, and who asked for it never hears so. They ask again, get the same answer, and
//! nothing is there twice.

use std::time::Duration;

use siegel_e2e::{Line, ZONES};

use super::{Case, rounds};

/// What changes something when a record is sent: each kind loses answers.
const ROUTES: [&str; 4] =
    ["POST /v1/records/small", "POST /v1/records", "PUT /v1/records/*/parts/*", "POST /v1/records/*/commit"];
/// Answers of a kind that are lost in one round.
const LOST: usize = 2;
/// Moments in one round at which PostgreSQL's answers are lost.
const MOMENTS: usize = 6;
/// So much longer answers are on their way before, so that there are always some to lose, and commits among them.
const SLOWER: Duration = Duration::from_millis(20);
/// From when they are swallowed until the line breaks.
const SILENCE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f04_an_answer_lost_on_its_way_to_people_is_given_again_and_nothing_is_doubled() {
    let line = Line::listen().await.unwrap();
    let case = Case::behind(&line).await;
    for _ in 0..rounds() {
        let loads = case.work();
        for load in &loads {
            load.goes_on(2, Duration::from_secs(60)).await.unwrap();
        }
        for route in ROUTES {
            line.lose(route, LOST);
            line.all_lost(Duration::from_secs(60)).await.unwrap();
        }
        for load in &loads {
            load.goes_on(2, Duration::from_secs(60)).await.unwrap();
        }
        // Nobody was refused, so that the ledgers take no record beside what was acknowledged.
        case.finish("F4, people", loads).await;
        for house in [&case.available, &case.strict] {
            house.check().await.unwrap();
        }
    }
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f04_a_commit_whose_answer_postgres_never_gave_counts_once() {
    let case = Case::new().await;
    for _ in 0..rounds() {
        let loads = case.work();
        for _ in 0..MOMENTS {
            for zone in ZONES {
                case.ground.slow(&format!("pg-{zone}"), SLOWER).await.unwrap();
            }
            for load in &loads {
                load.goes_on(1, Duration::from_secs(60)).await.unwrap();
            }
            for zone in ZONES {
                case.ground.swallow(&format!("pg-{zone}"), SILENCE).await.unwrap();
            }
            siegel_e2e::moment(2 * SILENCE).await; // the fault itself: every connection of before is broken by now
            case.ground.mend_lines().await.unwrap();
        }
        for load in &loads {
            load.goes_on(2, Duration::from_secs(60)).await.unwrap();
        }
        case.finish("F4, PostgreSQL", loads).await;
        for house in [&case.available, &case.strict] {
            house.check().await.unwrap();
        }
    }
    case.ends_whole().await;
}
