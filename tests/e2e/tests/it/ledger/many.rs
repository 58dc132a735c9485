//! Many institutions on one installation (M03): a database each, and what that costs while most of them rest.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use siegel_api::tenants::Durability;
use siegel_e2e::NAMES;
use siegel_platform::clock::{Clock as _, SystemClock};

use super::{Case, House, rounds};

/// Institutions, and the busy ones among them: as many as a small machine carries beside everything else, and as many as the
/// promise is about if it is to be believed in (`cargo xtask soak`).
const ONCE: (usize, usize) = (24, 4);
const SOAK: (usize, usize) = (1_000, 20);
/// Each of the three people of a busy institution begins something this often. As fast as it goes would be a test of how a
/// machine is overloaded, not of what institutions cost: 60 people without a pause are more than two cores carry.
const PACE: Duration = Duration::from_secs(10);
/// What a program opens to one database at most.
const POOL: usize = 8;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn m03_institutions_that_rest_hold_no_connection() {
    let case = Case::new().await;
    let ((many, busy_ones), clock) = (if rounds() > 1 { SOAK } else { ONCE }, SystemClock::new());
    let began_ms = clock.monotonic_ms();
    let rest = stream::iter(busy_ones..many).map(|number| format!("ruhig-{number}"));
    let made = rest.for_each_concurrent(4, async |handle| {
        case.world.institution(&case.dealer, &handle, Durability::Available).await.unwrap();
    });
    made.await;
    println!("M03: {} institutions made in {} s", many - busy_ones, (clock.monotonic_ms() - began_ms) / 1_000);
    let mut busy = Vec::new();
    for number in 0..busy_ones {
        busy.push(House::new(&case.world, &case.dealer, &format!("rege-{number}"), Durability::Available).await);
    }
    let loads: Vec<_> = busy.iter().map(|house| house.work_at(PACE)).collect();
    for load in &loads {
        load.goes_on(3, Duration::from_secs(120)).await.unwrap();
    }
    // Whoever was made a moment ago rests when their connections have been idle for a minute.
    let rested = async {
        loop {
            let (connections, databases) = case.ground.connections().unwrap();
            if databases <= busy_ones + 2 {
                break (connections, databases);
            }
            siegel_e2e::moment(Duration::from_secs(1)).await;
        }
    };
    let (connections, databases) = tokio::time::timeout(Duration::from_secs(180), rested).await.unwrap();
    let memory: Vec<String> =
        NAMES.iter().map(|name| format!("{name} {} MiB", case.programs().resident_mib(name).unwrap())).collect();
    println!(
        "M03: {many} institutions, {busy_ones} busy: {connections} connections to {databases} databases; {}",
        memory.join(", ")
    );
    assert!(connections <= (busy_ones + 2) * NAMES.len() * POOL);
    for (load, house) in loads.into_iter().zip(&busy) {
        house.finish("M03", load).await;
        house.check().await.unwrap();
    }
    case.ends_whole().await;
}
