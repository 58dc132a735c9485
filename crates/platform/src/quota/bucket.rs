//! A token bucket that says what is missing from it rather than what is in it: a new one misses nothing whatever its size
//! is, so a quota that changes needs no conversion, and one that misses nothing can be forgotten.

/// How fast it fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) per_second: u64,
    pub(super) burst: u64,
}

/// Tokens, in thousandths: a rate per second is as many thousandths a millisecond.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    missing_milli: i64,
    filled_ms: i64,
}

impl Bucket {
    /// Adds what has come since the last call.
    pub(super) fn fill(&mut self, rate: Rate, now_ms: i64) {
        let passed_ms = now_ms.saturating_sub(self.filled_ms).max(0);
        self.filled_ms = now_ms;
        let come = passed_ms.saturating_mul(i64::try_from(rate.per_second).unwrap_or(i64::MAX));
        self.missing_milli = self.missing_milli.saturating_sub(come).max(0);
    }

    /// Milliseconds until a whole token is there; none if one is. As of the last [`Bucket::fill`].
    pub(super) fn wait_ms(&self, rate: Rate) -> Option<i64> {
        let beyond = self.missing_milli - milli(rate.burst).saturating_sub(1_000);
        (beyond > 0).then(|| beyond.saturating_add(speed(rate) - 1) / speed(rate))
    }

    /// Takes tokens, if need be more than there are: what something costs is known when it has happened, and whoever is in
    /// debt waits until it is paid.
    pub(super) fn take(&mut self, tokens: u64) {
        self.missing_milli = self.missing_milli.saturating_add(milli(tokens));
    }

    /// Gives back what was taken and not used.
    pub(super) fn give_back(&mut self, tokens: u64) {
        self.missing_milli = self.missing_milli.saturating_sub(milli(tokens)).max(0);
    }

    /// Whole tokens that are missing.
    #[cfg(test)]
    pub(super) const fn missing(&self) -> i64 {
        self.missing_milli / 1_000
    }

    /// Whether it is as good as new.
    pub(super) const fn is_full(&self) -> bool {
        self.missing_milli == 0
    }
}

fn milli(tokens: u64) -> i64 {
    i64::try_from(tokens.saturating_mul(1_000)).unwrap_or(i64::MAX)
}

/// Thousandths a millisecond; a bucket that never fills is refused where it is configured.
fn speed(rate: Rate) -> i64 {
    i64::try_from(rate.per_second).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 4, burst: 3 };

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let mut bucket = Bucket::default();
        bucket.fill(RATE, 5_000);
        for _ in 0..3 {
            assert_eq!(bucket.wait_ms(RATE), None);
            bucket.take(1);
        }
        assert_eq!(bucket.wait_ms(RATE), Some(250));
        bucket.fill(RATE, 5_249);
        assert_eq!(bucket.wait_ms(RATE), Some(1));
        bucket.fill(RATE, 5_250);
        assert_eq!(bucket.wait_ms(RATE), None);
        bucket.take(1);
        assert_eq!(bucket.wait_ms(RATE), Some(250));
        bucket.fill(RATE, 60_000);
        assert!(bucket.is_full(), "it holds no more than its burst");
    }

    #[test]
    fn debt_is_paid_first_and_what_was_not_used_comes_back() {
        let mut bucket = Bucket::default();
        bucket.take(13);
        assert_eq!(bucket.wait_ms(RATE), Some(11_000 / 4));
        bucket.give_back(11);
        assert_eq!(bucket.wait_ms(RATE), None, "one of three is left");
        bucket.give_back(99);
        assert!(bucket.is_full());
    }

    #[test]
    fn a_clock_at_its_ends_and_a_changed_rate_do_no_harm() {
        let mut bucket = Bucket::default();
        bucket.take(u64::MAX);
        bucket.fill(RATE, i64::MAX);
        bucket.fill(RATE, 0);
        bucket.take(2);
        assert_eq!(bucket.wait_ms(Rate { burst: 1, ..RATE }).map(|ms| ms > 0), Some(true), "a smaller one is in debt");
    }
}
