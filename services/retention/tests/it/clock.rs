//! When the clocks disagree nothing is deleted (F15).

use siegel_domain::Role;
use siegel_platform::clock::guard::MARK_FILE;
use siegel_platform::clock::{ClockGuard, SharedClock};
use siegel_platform::testing::START;

use crate::world::{DAY, World, member, world};

const HOUR: i64 = 3_600_000;

async fn due_ms(world: &World, record: siegel_domain::RecordId) -> i64 {
    let path = format!("/v1/retention/records/{record}");
    world.get(&member(world.ours, Role::Owner), &path).await.body["due_ms"].as_i64().unwrap()
}

fn confirm(world: &World) {
    let clock: SharedClock = world.app.ctx.clock.clone();
    ClockGuard::confirm(&world.state.path().join(MARK_FILE), &clock).unwrap();
}

#[tokio::test]
async fn f15_two_years_ahead_nothing_is_erased_until_somebody_looked() {
    let mut world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    world.clock.jump_wall_ms(730 * DAY);
    for _ in 0..3 {
        world.settle().await;
        world.clock.advance_ms(HOUR);
        world.restart().await; // a restart forgets nothing
    }
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "committed");
    assert!(world.app.metrics.is_held());
    let told = world.own_events(world.ours).await;
    assert_eq!(told.iter().filter(|kind| *kind == "siegel.expiry.held.v1").count(), 1, "told once: {told:?}");

    world.clock.jump_wall_ms(-730 * DAY); // the administrator mends the clock …
    world.settle().await;
    assert!(world.app.metrics.is_held(), "… and has to say that it is right");
    confirm(&world);
    world.settle().await;
    assert!(!world.app.metrics.is_held());
    assert_eq!(world.upload.record(world.ours, record).state, "committed");
    world.clock.advance_ms(365 * DAY);
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "erased");
}

#[tokio::test]
async fn f15_the_wall_clock_was_right_after_all() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    world.clock.jump_wall_ms(366 * DAY); // the machine slept for a year
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "committed");
    confirm(&world);
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "erased", "nothing has to be restarted");
}

#[tokio::test]
async fn f15_an_hour_back_holds_and_an_hour_ahead_does_not_matter() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    world.clock.jump_wall_ms(HOUR); // summer time on a machine whose clock is wrongly local
    world.settle().await;
    assert!(!world.app.metrics.is_held());
    world.clock.jump_wall_ms(-2 * HOUR);
    world.clock.advance_ms(366 * DAY);
    world.settle().await;
    assert!(world.app.metrics.is_held());
    assert_eq!(world.upload.record(world.ours, record).state, "committed");
}

#[tokio::test]
async fn f15_what_came_under_a_wrong_clock_is_not_due_when_it_is_right_again() {
    let world = world().await;
    world.clock.advance_ms(1_000 * DAY);
    world.settle().await;
    world.clock.jump_wall_ms(-730 * DAY);
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    let due = due_ms(&world, record).await;
    assert_eq!(due, START.0 + 1_000 * DAY + 365 * DAY, "computed from the time it should have been");
    world.clock.jump_wall_ms(730 * DAY);
    confirm(&world);
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "committed");
}

/// However late the event is heard: with the clock mended before, the stamp alone looked like a year ago.
#[tokio::test]
async fn f15_what_came_under_a_clock_behind_has_its_year_when_it_is_heard_late() {
    let world = world().await;
    world.clock.advance_ms(1_000 * DAY);
    world.settle().await;
    world.clock.jump_wall_ms(-730 * DAY);
    let record = world.commit(world.ours, 1, 5).await;
    world.clock.jump_wall_ms(730 * DAY);
    confirm(&world);
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "committed");
    assert_eq!(due_ms(&world, record).await, START.0 + 1_365 * DAY);
}

/// The platform rested for 40 days, is used before somebody confirms its clock, and the clock was right.
#[tokio::test]
async fn f15_a_year_is_whole_after_a_rest_that_was_confirmed_late() {
    let mut world = world().await;
    world.settle().await;
    world.clock.advance_ms(40 * DAY);
    world.restart().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    assert!(world.app.metrics.is_held());
    confirm(&world);
    world.settle().await;
    assert_eq!(due_ms(&world, record).await, START.0 + 405 * DAY);
}

/// What a clock ahead put off for two years too many is brought back once it is right.
#[tokio::test]
async fn f15_what_came_under_a_clock_ahead_is_not_kept_for_years() {
    let world = world().await;
    world.settle().await;
    world.clock.jump_wall_ms(730 * DAY);
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    world.clock.jump_wall_ms(-730 * DAY);
    confirm(&world);
    world.clock.advance_ms(2 * DAY);
    world.settle().await;
    assert_eq!(due_ms(&world, record).await, START.0 + 367 * DAY);
}

/// What is confirmed is what the clock said then, not what it says when the server looks next.
#[tokio::test]
async fn f15_a_jump_right_after_a_confirmation_is_seen() {
    let world = world().await;
    world.settle().await;
    confirm(&world);
    world.clock.jump_wall_ms(-30 * DAY);
    world.settle().await;
    assert!(world.app.metrics.is_held());
    confirm(&world);
    world.clock.jump_wall_ms(730 * DAY);
    world.settle().await;
    assert!(world.app.metrics.is_held());
}
