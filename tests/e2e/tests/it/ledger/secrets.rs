//! FAULTS F14: OpenBao loses its leader, or is away altogether. Keys in use go on; how long, and that it then fails closed,
//! is tested with an injected clock at the port (`crates/platform/tests/real/secrets.rs`).

use std::time::Duration;

use super::{Case, rounds};

const NODES: [&str; 3] = ["vault-a", "vault-b", "vault-c"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f14_openbao_away_for_a_while_is_not_noticed_by_who_is_at_work() {
    let case = Case::new().await;
    for _ in 0..rounds() {
        let loads = case.work();
        for load in &loads {
            load.goes_on(5, Duration::from_secs(30)).await.unwrap();
        }
        for node in NODES {
            case.ground.cut(node).await.unwrap();
        }
        for load in &loads {
            load.goes_on(20, Duration::from_secs(60)).await.unwrap();
        }
        case.ground.mend_lines().await.unwrap();
        case.finish("F14", loads).await;
    }
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f14_a_program_that_starts_while_openbao_is_away_waits_for_it() {
    let mut case = Case::new().await;
    for _ in 0..rounds() {
        let loads = case.work();
        for load in &loads {
            load.goes_on(2, Duration::from_secs(30)).await.unwrap();
        }
        for node in NODES {
            case.ground.cut(node).await.unwrap();
        }
        case.programs_mut().kill_nine("upload").unwrap();
        case.programs_mut().begin("upload").unwrap();
        case.programs_mut().says("upload", "waiting for a part").await.unwrap();
        case.ground.mend_lines().await.unwrap();
        case.programs_mut().until_ready("upload").await.unwrap();
        for load in &loads {
            load.goes_on(2, Duration::from_secs(60)).await.unwrap();
        }
        case.finish("F14, at a start", loads).await;
    }
    case.ends_whole().await;
}
