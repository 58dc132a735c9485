//! The clocks of the parts beside ours. S3 denies every request that is a quarter of an hour off, tokens and certificates end by a
//! clock, and whoever wants to confirm the machine's clock needs others to compare it with. (Kafka tells no time.)

use siegel_domain::time::{MINUTE_MS, SECOND_MS};
use siegel_platform::inspect::Skew;

use super::super::Finding;
use crate::words::duration;

const CHECK: &str = "clocks";
/// More than two clocks differ that are set by NTP, even badly.
const FEW_MS: i64 = 5 * SECOND_MS;
/// Soon requests are denied.
const MANY_MS: i64 = 5 * MINUTE_MS;

/// What one part's clock said.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Who.
    pub(crate) who: String,
    /// How far it was from ours.
    pub(crate) skew: Skew,
}

impl Told {
    /// `3 seconds ahead of this machine`.
    pub(crate) fn words(&self) -> String {
        match self.skew.surely_ms() {
            0 => "as this machine's".to_owned(),
            off_by_ms => {
                let way = if self.skew.ahead_ms > 0 { "ahead of" } else { "behind" };
                format!("{} {way} this machine's", duration(off_by_ms))
            }
        }
    }
}

/// Judges all of them: one line if they agree, one for each that does not.
pub(super) fn check(told: &[Told]) -> Vec<Finding> {
    if told.is_empty() {
        return Vec::new(); // their own lines say why
    }
    let off: Vec<_> = told.iter().filter(|one| one.skew.surely_ms() > FEW_MS).collect();
    if off.is_empty() {
        let furthest = told.iter().map(|one| one.skew.surely_ms()).max().unwrap_or(0);
        let seen = format!("{} agree with this machine's to {}", count(told.len()), within(furthest));
        return vec![Finding::ok(CHECK, seen)];
    }
    // If most of them are off, it is ours.
    let next = if off.len() * 2 > told.len() {
        "most of them disagree with this machine: set its clock (chronyc tracking, timedatectl)"
    } else {
        "set its clock (chronyc tracking, timedatectl)"
    };
    let line = |one: &&Told| {
        let seen = format!("the clock of {} is {}", one.who, one.words());
        if one.skew.surely_ms() > MANY_MS {
            Finding::fail(CHECK, format!("{seen}; from 15 minutes on S3 denies every request"), next)
        } else {
            Finding::warn(CHECK, seen, next)
        }
    };
    off.iter().map(line).collect()
}

fn count(clocks: usize) -> String {
    super::count(clocks, "clock")
}

fn within(ms: i64) -> String {
    if ms < SECOND_MS { "a second".to_owned() } else { duration(ms + SECOND_MS) }
}

#[cfg(test)]
mod tests {
    use super::super::super::Health;
    use super::*;

    fn told(ahead_ms: i64) -> Told {
        Told { who: "zone-a".into(), skew: Skew { ahead_ms, within_ms: 500 } }
    }

    #[test]
    fn a_clock_that_is_off_is_named_and_most_of_them_are_ours() {
        assert_eq!(check(&[told(0), told(-900)])[0].health, Health::Ok);
        let one = check(&[told(0), told(0), told(-20_000)]);
        assert!(one.len() == 1 && one[0].health == Health::Warn && one[0].seen.contains("behind"), "{one:?}");
        let ours = check(&[told(0), told(400_000), told(400_000)]);
        assert!(ours.iter().all(|line| line.health == Health::Fail && line.next.contains("this machine")), "{ours:?}");
    }
}
