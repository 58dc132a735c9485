//! FAULTS F15: the wall clock jumps; expiry asks the guard first.

use std::path::PathBuf;
use std::sync::Arc;

use siegel_domain::Timestamp;
use siegel_domain::time::{DAY_MS, HOUR_MS, SECOND_MS};
use siegel_platform::clock::{Clock, ClockGuard, ClockGuardError, ClockState, ManualClock, SharedClock};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

struct Case {
    dir: TempDir,
    clock: ManualClock,
}

impl Case {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), clock: ManualClock::new(NOW) }
    }

    fn mark(&self) -> PathBuf {
        self.dir.path().join("clock.mark")
    }

    fn shared(&self) -> SharedClock {
        Arc::new(self.clock.clone())
    }

    fn open(&self) -> ClockGuard {
        ClockGuard::open(&self.mark(), self.shared()).unwrap()
    }
}

#[test]
fn f15_jumps_beyond_the_bounds_hold_and_those_within_do_not() {
    for (jump_ms, held) in [
        (-5 * SECOND_MS, false),
        (-5 * SECOND_MS - 1, true),
        (-HOUR_MS, true),
        (-730 * DAY_MS, true),
        (HOUR_MS, false),
        (DAY_MS, false),
        (DAY_MS + 1, true),
        (730 * DAY_MS, true),
    ] {
        let case = Case::new();
        let guard = case.open();
        case.clock.advance_ms(HOUR_MS);
        assert_eq!(guard.check().unwrap(), ClockState::Trusted);
        case.clock.jump_wall_ms(jump_ms);
        let expected = if held { ClockState::Held { off_by_ms: jump_ms } } else { ClockState::Trusted };
        assert_eq!(guard.check().unwrap(), expected, "a jump by {jump_ms} ms");
    }
}

#[test]
fn f15_a_year_that_really_passes_is_believed() {
    let case = Case::new();
    let guard = case.open();
    for _ in 0..400 {
        case.clock.advance_ms(DAY_MS);
        assert_eq!(guard.check().unwrap(), ClockState::Trusted);
    }
}

#[test]
fn f15_many_small_jumps_add_up() {
    let case = Case::new();
    let guard = case.open();
    let mut held_after = None;
    for day in 1..=40 {
        case.clock.advance_ms(HOUR_MS);
        case.clock.jump_wall_ms(10 * HOUR_MS);
        if guard.check().unwrap() != ClockState::Trusted {
            held_after = Some(day);
            break;
        }
    }
    assert_eq!(held_after, Some(3), "20 h are within the bound, 30 h are not");
}

#[test]
fn f15_a_hold_survives_restarts_and_the_clock_coming_back_until_someone_confirms() {
    let case = Case::new();
    let guard = case.open();
    case.clock.jump_wall_ms(2 * DAY_MS);
    assert!(matches!(guard.check().unwrap(), ClockState::Held { .. }));
    case.clock.jump_wall_ms(-2 * DAY_MS);
    assert!(matches!(guard.check().unwrap(), ClockState::Held { .. }), "somebody has to look");
    drop(guard);
    let restarted = case.open();
    assert!(matches!(restarted.check().unwrap(), ClockState::Held { .. }));

    assert_eq!(ClockGuard::confirm(&case.mark(), &case.shared()).unwrap(), case.clock.now());
    assert_eq!(restarted.check().unwrap(), ClockState::Trusted, "a running server notices");
    case.clock.jump_wall_ms(2 * DAY_MS);
    assert!(matches!(restarted.check().unwrap(), ClockState::Held { .. }), "and watches on");
}

#[test]
fn f15_a_restart_is_held_before_the_mark_and_long_after_it() {
    for (away_ms, held) in [(HOUR_MS, false), (DAY_MS + 1, true), (-HOUR_MS, true)] {
        let case = Case::new();
        drop(case.open());
        case.clock.jump_wall_ms(away_ms);
        assert_eq!(case.open().check().unwrap() != ClockState::Trusted, held, "{away_ms} ms away");
    }
}

#[test]
fn the_mark_moves_with_time_so_that_a_long_run_may_be_restarted() {
    let case = Case::new();
    let guard = case.open();
    for _ in 0..30 {
        case.clock.advance_ms(DAY_MS);
        guard.check().unwrap();
    }
    drop(guard);
    case.clock.advance_ms(HOUR_MS);
    assert_eq!(case.open().check().unwrap(), ClockState::Trusted);
}

#[test]
fn a_damaged_mark_is_refused_with_the_way_out_and_confirming_is_it() {
    let case = Case::new();
    std::fs::write(case.mark(), b"{\"wall_ms\": \"yesterday\"}").unwrap();
    let error = ClockGuard::open(&case.mark(), case.shared()).err().unwrap();
    assert!(matches!(error, ClockGuardError::NotAMark { .. }));
    assert!(error.to_string().contains("siegel-admin clock confirm"), "{error}");
    ClockGuard::confirm(&case.mark(), &case.shared()).unwrap();
    assert_eq!(case.open().check().unwrap(), ClockState::Trusted);
}
