//! What nobody fetches for a year: C11. A year passes in a test because the platform's clock is the test's.

use std::sync::Arc;

use siegel_api::members::ReturnReport;
use siegel_domain::Timestamp;
use siegel_domain::time::{DAY_MS, HOUR_MS};
use siegel_e2e::{World, WorldOptions};
use siegel_platform::clock::{Clock as _, ManualClock, SystemClock};

use crate::support::{content, parts};

#[tokio::test(flavor = "multi_thread")]
async fn c11_what_nobody_fetched_for_a_year_is_erased_by_itself() {
    // The platform's clock begins now, since clients have clocks of their own, and is then moved by hand.
    let clock = ManualClock::new(SystemClock::default().now());
    let options = || WorldOptions { clock: Some(Arc::new(clock.clone())), workers: false, ..WorldOptions::default() };
    let world = World::with(options()).await.unwrap();
    // Background work is stepped by hand, but a centre has to become ready while its dealer waits.
    let dealer = world.dealer().await.unwrap();
    let centre = world.centre_with(&dealer, "herz", Default::default()).await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let never = sender.session.upload_bytes(vec![1; 9_000], "never.edf").send().await.unwrap();
    let later = sender.session.upload_bytes(vec![2; 9_000], "later.edf").send().await.unwrap();
    world.settle().await.unwrap();
    let committed = owner_deadline(&world, &centre, never.record).await;
    // A hundred seconds on (clients' clocks allow five minutes) one of them is fetched: its year starts anew.
    clock.advance_ms(100_000);
    content(&centre.owner.session, later.record, &world.outside("later")).await.unwrap();
    world.settle().await.unwrap();
    let fetched = owner_deadline(&world, &centre, later.record).await;
    assert!(fetched.0 >= committed.0 + 99_000, "{fetched:?} {committed:?}");
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (2, 2));
    // Just before the year is over nothing happens; then only what nobody fetched goes.
    let to = |when: Timestamp| clock.advance_ms(when.0 - clock.now().0);
    to(committed.plus_ms(-1_000));
    world.settle().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (2, 2));
    to(committed.plus_ms(1_000));
    world.settle().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (1, 1));
    // A clock that jumps ahead by two years holds everything until somebody confirms it.
    clock.jump_wall_ms(2 * 365 * DAY_MS);
    world.settle().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (1, 1));
    clock.jump_wall_ms(-2 * 365 * DAY_MS);
    let confirmed: siegel_platform::clock::SharedClock = Arc::new(clock.clone());
    siegel_platform::clock::ClockGuard::confirm(&world.state().join("clock.mark"), &confirmed).unwrap();
    to(fetched.plus_ms(HOUR_MS));
    world.settle().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (0, 0));
    world.stop().await.unwrap();
}

async fn owner_deadline(_: &World, centre: &siegel_e2e::Centre, record: siegel_domain::RecordId) -> Timestamp {
    Timestamp(centre.owner.session.deadline(record).await.unwrap().due_ms)
}
