//! Bridging a broken line or a busy server: wait, with jitter, within a budget. The budget runs from the first failure;
//! progress ends it, so that a long upload survives any number of short interruptions.

use std::time::Duration;

use rand_core::Rng;

use crate::time::Moment;

/// How long a call bridges failures before it gives up.
pub const BRIDGE: Duration = Duration::from_secs(45);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Attempts for failures that are probably no matter of time (an error inside the server, a digest that does not fit).
const STUBBORN_ATTEMPTS: u32 = 3;

/// The state of one call's retries.
#[derive(Debug)]
pub(crate) struct Budget {
    total: Duration,
    since: Option<Moment>,
    attempts: u32,
}

impl Budget {
    pub(crate) const fn new(total: Duration) -> Self {
        Self { total, since: None, attempts: 0 }
    }

    /// How long to wait before the next attempt; `None` when the budget is used up.
    pub(crate) fn next(
        &mut self,
        server_says: Option<Duration>,
        stubborn: bool,
        rng: &mut impl Rng,
    ) -> Option<Duration> {
        let elapsed = self.since.get_or_insert_with(Moment::now).elapsed();
        self.attempts += 1;
        if stubborn && self.attempts >= STUBBORN_ATTEMPTS {
            return None;
        }
        let wait = pause(self.attempts, server_says, rng.next_u32());
        (elapsed + wait <= self.total).then_some(wait)
    }
}

/// Full jitter between half and all of a doubling pause; what the server asks for is the least, plus up to a quarter,
/// so that a thousand clients do not come back at the same moment.
fn pause(attempt: u32, server_says: Option<Duration>, random: u32) -> Duration {
    let share = f64::from(random) / f64::from(u32::MAX);
    match server_says {
        Some(least) => least + (least / 4).max(FIRST_WAIT).mul_f64(share),
        None => {
            let doubled = FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST_WAIT);
            doubled.mul_f64(0.5 + share / 2.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    #[test]
    fn pauses_double_up_to_a_bound_and_keep_what_the_server_asks() {
        assert_eq!(pause(1, None, u32::MAX), FIRST_WAIT);
        assert_eq!(pause(2, None, 0), FIRST_WAIT);
        assert_eq!(pause(30, None, u32::MAX), LONGEST_WAIT);
        let asked = Duration::from_secs(8);
        assert_eq!(pause(1, Some(asked), 0), asked);
        assert_eq!(pause(1, Some(asked), u32::MAX), Duration::from_secs(10));
    }

    #[test]
    fn a_wait_beyond_the_budget_is_refused_at_once() {
        let mut budget = Budget::new(Duration::from_secs(45));
        assert!(budget.next(Some(Duration::from_secs(60)), false, &mut rng::system()).is_none());
        assert!(budget.next(Some(Duration::from_secs(1)), false, &mut rng::system()).is_some());
        assert!(budget.next(None, true, &mut rng::system()).is_none(), "the third attempt of a stubborn failure");
    }
}
