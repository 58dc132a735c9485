//! How fast an account may be tried. Pure: numbers in, numbers out.
//!
//! Whoever guesses never sends the finish of an OPAQUE login: its first answer already tells them whether the guess was
//! right. So each start is charged as a failure, and a valid finish refunds its own charge and no other. After a few
//! free tries the wait doubles, up to a quarter of an hour: about a hundred guesses a day. What makes this fair is whose
//! account is charged: see [`crate::logins::Names::account`].

use siegel_domain::time::{DAY_MS, MINUTE_MS, SECOND_MS};

/// Charges that cost no wait.
const FREE: i64 = 5;
const LONGEST_WAIT_MS: i64 = 15 * MINUTE_MS;
/// Failures of yesterday are forgotten.
const FORGET_MS: i64 = DAY_MS;

/// What stands against an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Charge {
    /// Starts without a valid finish.
    pub(crate) failures: i64,
    /// When the last one was.
    pub(crate) last_ms: i64,
}

impl Charge {
    /// Milliseconds until the next try is allowed; zero means now.
    pub(crate) fn wait_ms(self, now_ms: i64) -> i64 {
        let failures = self.forgetting(now_ms).failures;
        if failures < FREE {
            return 0;
        }
        let full = (SECOND_MS << (failures - FREE).min(20)).min(LONGEST_WAIT_MS);
        // A clock that was set back must not lock anybody out for longer than the wait itself.
        (self.last_ms + full - now_ms).clamp(0, full)
    }

    /// One more start.
    pub(crate) fn charged(self, now_ms: i64) -> Self {
        Self { failures: self.forgetting(now_ms).failures + 1, last_ms: now_ms }
    }

    /// The start of this login was no failure after all.
    pub(crate) fn refunded(self) -> Self {
        Self { failures: (self.failures - 1).max(0), ..self }
    }

    /// Whether the next failure should be seen by people on duty: the free tries are used up.
    pub(crate) fn suspicious(self) -> bool {
        self.failures > FREE
    }

    fn forgetting(self, now_ms: i64) -> Self {
        if now_ms - self.last_ms >= FORGET_MS { Self { failures: 0, ..self } } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let mut charge = Charge::default();
        let waits: Vec<i64> = (0..20)
            .map(|_| {
                charge = charge.charged(1_000_000);
                charge.wait_ms(1_000_000) / SECOND_MS
            })
            .collect();
        assert_eq!(&waits[..9], [0, 0, 0, 0, 1, 2, 4, 8, 16]);
        assert_eq!(waits[19], 900);
        assert_eq!(charge.wait_ms(1_000_000 + 899 * SECOND_MS), SECOND_MS);
        assert_eq!(charge.wait_ms(1_000_000 + 900 * SECOND_MS), 0);
    }

    #[test]
    fn a_day_makes_about_a_hundred_guesses() {
        let (mut charge, mut now, mut guesses) = (Charge::default(), DAY_MS, 0);
        while now < 2 * DAY_MS {
            now += charge.wait_ms(now).max(1);
            charge = charge.charged(now);
            guesses += 1;
        }
        assert!(guesses < 115, "{guesses}");
    }

    #[test]
    fn a_finish_refunds_its_own_start_only() {
        let mut charge = Charge::default();
        for _ in 0..6 {
            charge = charge.charged(1_000);
        }
        assert_eq!(charge.refunded().failures, 5);
        assert_eq!(Charge::default().refunded().failures, 0);
        assert!(charge.suspicious() && !charge.refunded().suspicious());
    }

    #[test]
    fn yesterday_is_forgotten_and_a_clock_set_back_locks_nobody_out() {
        let charge = Charge { failures: 30, last_ms: 1_000 };
        assert_eq!(charge.wait_ms(1_000 + DAY_MS), 0);
        assert_eq!(charge.charged(1_000 + DAY_MS).failures, 1);
        assert_eq!(charge.wait_ms(-10 * DAY_MS), LONGEST_WAIT_MS);
    }
}
