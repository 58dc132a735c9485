//! FAULTS F13: PostgreSQL's primary dies, the third place is lost, one institution's database is away. People see a pause,
//! and institutions next door nothing.

use std::time::Duration;

use siegel_client::RecordQuery;

use super::{Case, rounds, turned_away};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f13_the_primary_killed_under_load_is_a_pause() {
    let case = Case::new().await;
    for round in 0..rounds() {
        let loads = case.work();
        loads[0].goes_on(5, Duration::from_secs(30)).await.unwrap();
        let primary = case.ground.primary().unwrap();
        println!("round {round}: PostgreSQL in zone {primary} is killed");
        case.ground.kill_postgres(primary).unwrap();
        for load in &loads {
            load.goes_on(5, Duration::from_secs(60)).await.unwrap();
        }
        case.finish("F13", loads).await;
        // A primary without a standby in sync has nobody to hand over to.
        case.ground.heal().await.unwrap();
    }
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f13_the_third_place_lost_is_not_noticed() {
    let case = Case::new().await;
    for _ in 0..rounds() {
        let loads = case.work();
        loads[0].goes_on(5, Duration::from_secs(30)).await.unwrap();
        case.ground.kill("etcd-c").unwrap();
        case.ground.kill("vault-c").unwrap();
        for load in &loads {
            load.goes_on(30, Duration::from_secs(60)).await.unwrap();
        }
        case.finish("third place lost", loads).await;
        case.ground.heal().await.unwrap();
    }
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f13_one_institutions_database_away_is_its_own_pause() {
    let case = Case::new().await;
    for _ in 0..rounds() {
        let loads = case.work();
        for load in &loads {
            load.goes_on(5, Duration::from_secs(30)).await.unwrap();
        }
        case.ground.let_into(case.strict.centre.tenant, false).unwrap();
        loads[0].goes_on(30, Duration::from_secs(60)).await.unwrap();
        let refused = case.strict.impatient().records(&RecordQuery::default()).await.unwrap_err();
        turned_away(&refused);
        case.ground.let_into(case.strict.centre.tenant, true).unwrap();
        loads[1].goes_on(5, Duration::from_secs(60)).await.unwrap();
        case.finish("one database away", loads).await;
    }
    case.ends_whole().await;
}
