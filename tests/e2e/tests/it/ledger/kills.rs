//! FAULTS F23 and F24: each program killed, each program stopped and started as in an update, all under load.

use std::time::Duration;

use siegel_e2e::NAMES;
use siegel_platform::clock::{Clock as _, SystemClock};

use super::{Case, rounds};

/// Deaths in one round; `cargo xtask soak` has ten rounds.
const DEATHS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f23_kill_nine_of_every_program_under_load_loses_and_doubles_nothing() {
    let mut case = Case::new().await;
    let (loads, clock) = (case.work(), SystemClock::new());
    let mut longest_ms = 0;
    for death in 0..DEATHS * rounds() {
        let name = NAMES[death % NAMES.len()];
        // Somewhere in what is under way, another place each time.
        siegel_e2e::moment(Duration::from_micros((death as u64 * 2_654_435_761) % 400_000)).await;
        case.programs_mut().kill_nine(name).unwrap();
        let begun_ms = clock.monotonic_ms();
        case.programs_mut().start_again(name).await.unwrap();
        longest_ms = longest_ms.max(clock.monotonic_ms() - begun_ms);
    }
    for load in &loads {
        load.goes_on(5, Duration::from_secs(60)).await.unwrap();
    }
    println!("F23: {} deaths, ready again after at most {longest_ms} ms", DEATHS * rounds());
    case.finish("F23", loads).await;
    case.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f24_programs_replaced_one_after_another_under_load() {
    let mut case = Case::new().await;
    let loads = case.work();
    for _ in 0..rounds() {
        for name in NAMES {
            loads[0].goes_on(3, Duration::from_secs(60)).await.unwrap();
            case.programs().terminate(name).unwrap();
            let status = case.programs_mut().ended(name).await.unwrap();
            assert!(status.success(), "{name} ended with {status}:\n{}", case.programs().log(name));
            case.programs_mut().start_again(name).await.unwrap();
        }
    }
    case.finish("F24", loads).await;
    case.ends_whole().await;
}
