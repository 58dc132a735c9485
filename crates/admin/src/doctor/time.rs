//! The machine's clock, as far as records expire by it.

use siegel_domain::time::DAY_MS;
use siegel_platform::clock::guard::MARK_FILE;
use siegel_platform::clock::{Clock as _, ClockGuard, SystemClock};

use super::Finding;
use crate::cmd::clock::off_by;
use crate::place::Place;
use crate::words::{duration, moment};

const CHECK: &str = "clock";

/// Compares the clock with its mark.
pub(super) fn check(place: &Place) -> Vec<Finding> {
    let confirm = "compare it with another clock, then: siegel-admin clock confirm";
    let now = SystemClock::new().now();
    vec![match ClockGuard::peek(&place.file(MARK_FILE)) {
        Err(error) => Finding::fail(CHECK, error.to_string(), confirm),
        Ok(None) => Finding::warn(CHECK, "the server has not looked at it yet", "start the server"),
        Ok(Some((written, state))) => match off_by(state) {
            Some(off_by_ms) => {
                let seen = format!("held: it jumped by {}, and nothing expires", duration(off_by_ms));
                Finding::fail(CHECK, seen, confirm)
            }
            None if now < written => {
                let seen = format!("it says {}, which is before it was last believed", moment(now));
                Finding::fail(CHECK, seen, "mend the clock: the server will hold expiry")
            }
            None if now.ms_since(written) > DAY_MS => {
                let seen = format!("it was last believed {} ago", duration(now.ms_since(written)));
                Finding::warn(
                    CHECK,
                    seen,
                    "a server that starts now holds expiry until somebody looked: siegel-admin clock confirm",
                )
            }
            None => Finding::ok(CHECK, format!("it says {} and is believed", moment(now))),
        },
    }]
}
