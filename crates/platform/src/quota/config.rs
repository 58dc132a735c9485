//! How much is one institution's share, as a configuration says it.

use serde::Deserialize;

use super::bucket::Rate;
use crate::config::Mistake;

/// What an institution whose setting is 100 % may do in one process. The defaults let a busy centre work unhindered on a
/// machine of two cores and leave the larger part of it to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Requests a second, in the long run.
    pub requests_per_second: u64,
    /// Requests at once, after a rest.
    pub requests_burst: u64,
    /// Bytes of bodies a second, in and out, in the long run.
    pub bytes_per_second: u64,
    /// Bytes at once, after a rest.
    pub bytes_burst: u64,
    /// Requests being answered, until the head of the answer.
    pub requests_in_flight: u64,
    /// Records being uploaded: opened, and neither committed nor swept.
    pub records_in_flight: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            requests_per_second: 200,
            requests_burst: 2_000,
            bytes_per_second: 64 * 1024 * 1024,
            bytes_burst: 2 * 1024 * 1024 * 1024,
            requests_in_flight: 256,
            records_in_flight: 5_000,
        }
    }
}

impl Quota {
    /// A share of nothing is a closed door and no quota.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let zero = self.fields().into_iter().filter(|(_, value)| *value == 0);
        let mistake = |(name, _)| Mistake { field: format!("quota.{name}"), what: "must be at least 1".to_owned() };
        zero.map(mistake).collect()
    }

    const fn fields(&self) -> [(&'static str, u64); 6] {
        [
            ("requests_per_second", self.requests_per_second),
            ("requests_burst", self.requests_burst),
            ("bytes_per_second", self.bytes_per_second),
            ("bytes_burst", self.bytes_burst),
            ("requests_in_flight", self.requests_in_flight),
            ("records_in_flight", self.records_in_flight),
        ]
    }

    /// So many hundredths of it, and at least one of each.
    pub(super) fn percent(self, percent: u32) -> Self {
        let share = |whole: u64| (whole.saturating_mul(percent.into()) / 100).max(1);
        Self {
            requests_per_second: share(self.requests_per_second),
            requests_burst: share(self.requests_burst),
            bytes_per_second: share(self.bytes_per_second),
            bytes_burst: share(self.bytes_burst),
            requests_in_flight: share(self.requests_in_flight),
            records_in_flight: share(self.records_in_flight),
        }
    }

    pub(super) const fn requests(&self) -> Rate {
        Rate { per_second: self.requests_per_second, burst: self.requests_burst }
    }

    pub(super) const fn bytes(&self) -> Rate {
        Rate { per_second: self.bytes_per_second, burst: self.bytes_burst }
    }
}
