//! Two things measured side by side, in the order A B A B, so that the noise of the machine meets both.
//!
//! The figure is the median of the pairs' ratios with its range. A run whose baseline spreads over 15 % is repeated up to
//! three times and then thrown away: its figures are shown, and count neither for the goal nor against it.

use std::future::Future;

use anyhow::{Result, ensure};

use crate::outcome::{Outcome, Ratio, Target};
use crate::{report, tell};

/// What one measurement gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// CPU seconds of everything that took part in the work; 0 if they were not counted.
    pub cpu_s: f64,
    /// A second reading of the same work, where there is one: the 99th percentile beside the 50th.
    pub tail_s: f64,
}

impl Sample {
    /// The second reading as one of its own.
    pub(crate) const fn tail(self) -> Self {
        Self { wall_s: self.tail_s, cpu_s: 0.0, tail_s: 0.0 }
    }
}

/// How a pair's two samples become the ratio.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reading {
    /// Baseline's seconds by ours: above one we are faster.
    Speed,
    /// Our seconds by the baseline's: below one we are faster.
    Time,
}

/// A comparison to run.
pub(crate) struct Comparison {
    /// The goal's id.
    pub goal: &'static str,
    /// What is measured.
    pub what: String,
    /// What it is compared with.
    pub baseline: String,
    /// How the ratio is read.
    pub reading: Reading,
    /// What is to be reached.
    pub target: Target,
    /// Bytes each side moves, for the note; 0 if bytes are not the point.
    pub bytes: u64,
    /// Pairs, five at least for a figure that counts.
    pub pairs: usize,
}

/// The baseline may spread this much before a run is thrown away.
const NOISY_SPREAD: f64 = 0.15;
/// Runs of all pairs before a noisy baseline is accepted as such.
const RUNS: usize = 3;

impl Comparison {
    /// Runs the pairs, baseline first in each, and judges wall-clock time.
    pub(crate) async fn run<A, B, FA, FB>(&self, baseline: A, ours: B) -> Result<Outcome>
    where
        A: FnMut() -> FA,
        B: FnMut() -> FB,
        FA: Future<Output = Result<Sample>>,
        FB: Future<Output = Result<Sample>>,
    {
        Ok(self.outcome(&self.samples(baseline, ours).await?))
    }

    /// The pairs themselves.
    pub(crate) async fn samples<A, B, FA, FB>(&self, mut baseline: A, mut ours: B) -> Result<Vec<(Sample, Sample)>>
    where
        A: FnMut() -> FA,
        B: FnMut() -> FB,
        FA: Future<Output = Result<Sample>>,
        FB: Future<Output = Result<Sample>>,
    {
        ensure!(self.pairs > 0, "--pairs has to be at least 1");
        tell::line(&format!("{}: {} / {}", self.goal, self.what, self.baseline));
        // One unmeasured pair: caches, allocators and lazily opened pools are not what is compared.
        tell::step("warming up");
        baseline().await?;
        ours().await?;
        let mut last = Vec::new();
        for run in 1..=RUNS {
            let mut samples = Vec::with_capacity(self.pairs);
            for pair in 1..=self.pairs {
                let (theirs, own) = (baseline().await?, ours().await?);
                let seconds = format!("baseline {:.3} s, ours {:.3} s", theirs.wall_s, own.wall_s);
                tell::step(&format!("pair {pair} of {}: {seconds}", self.pairs));
                samples.push((theirs, own));
            }
            let quiet = spread(&samples) <= NOISY_SPREAD;
            last = samples;
            if quiet {
                break;
            }
            if run < RUNS {
                tell::step("the baseline spread over 15 %: once more");
            }
        }
        ensure!(!last.is_empty(), "no pair was run");
        // The table comes at the very end: who ends the run before has this much.
        tell::step(&report::line(&self.outcome(&last)));
        Ok(last)
    }

    /// The outcome of pairs, by wall-clock time; CPU in a column of its own.
    pub(crate) fn outcome(&self, samples: &[(Sample, Sample)]) -> Outcome {
        let read = |base: f64, ours: f64| match self.reading {
            Reading::Speed => base / ours,
            Reading::Time => ours / base,
        };
        let ratio = Ratio::of(samples.iter().map(|(a, b)| read(a.wall_s, b.wall_s)).collect());
        let base = Ratio::of(samples.iter().map(|(a, _)| a.wall_s).collect());
        let ours = Ratio::of(samples.iter().map(|(_, b)| b.wall_s).collect());
        let figure = |seconds: f64| match self.bytes {
            0 => format!("{:.2} ms", seconds * 1e3),
            bytes => format!("{:.0} MiB/s", bytes as f64 / (1024.0 * 1024.0) / seconds),
        };
        let note = format!("baseline {}, ours {}", figure(base.median), figure(ours.median));
        Outcome::new(self.goal, &self.what, &self.baseline, ratio, self.target)
            .cpu(cpu_ratio(samples))
            .spread(spread(samples), NOISY_SPREAD)
            .note(note)
    }

    /// The outcome of `count` things on each side, with how many a second as its note: baseline's and ours, and `unit`.
    pub(crate) fn rates(&self, samples: &[(Sample, Sample)], count: usize, unit: &str) -> Outcome {
        let [base, ours] = per_second(samples, count);
        self.outcome(samples).note(format!("baseline {base:.0} {unit}/s, ours {ours:.0} {unit}/s"))
    }

    /// A line of its own for a goal about CPU, which a loaded machine does not disturb.
    pub(crate) fn cpu_outcome(&self, samples: &[(Sample, Sample)], target: Target) -> Option<Outcome> {
        let ratio = cpu_ratio(samples)?;
        let base = Ratio::of(samples.iter().map(|(a, _)| a.cpu_s).collect());
        let ours = Ratio::of(samples.iter().map(|(_, b)| b.cpu_s).collect());
        let note = format!("CPU: baseline {:.2} s, ours {:.2} s", base.median, ours.median);
        let what = format!("{}: CPU seconds", self.what);
        let outcome = Outcome::new(self.goal, &what, &self.baseline, ratio, target);
        Some(outcome.cpu(Some(ratio)).spread(base.high / base.low - 1.0, NOISY_SPREAD).note(note))
    }
}

/// Of `count` things on each side, how many a second: baseline's and ours.
pub(crate) fn per_second(samples: &[(Sample, Sample)], count: usize) -> [f64; 2] {
    let rate = |seconds: Vec<f64>| count as f64 / Ratio::of(seconds).median;
    let (base, ours) = samples.iter().map(|(base, ours)| (base.wall_s, ours.wall_s)).unzip();
    [rate(base), rate(ours)]
}

fn spread(samples: &[(Sample, Sample)]) -> f64 {
    let base = Ratio::of(samples.iter().map(|(a, _)| a.wall_s).collect());
    base.high / base.low - 1.0
}

/// Our CPU seconds by the baseline's, if both were counted.
fn cpu_ratio(samples: &[(Sample, Sample)]) -> Option<Ratio> {
    let counted = samples.iter().all(|(a, b)| a.cpu_s > 0.0 && b.cpu_s > 0.0);
    counted.then(|| Ratio::of(samples.iter().map(|(a, b)| b.cpu_s / a.cpu_s).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;

    fn comparison(reading: Reading, target: Target) -> Comparison {
        let (what, baseline) = (String::new(), String::new());
        Comparison { goal: "G0", what, baseline, reading, target, bytes: 0, pairs: 5 }
    }

    const fn sample(wall_s: f64, cpu_s: f64) -> Sample {
        Sample { wall_s, cpu_s, tail_s: 0.0 }
    }

    const PAIR: (Sample, Sample) = (sample(2.0, 1.0), sample(1.0, 0.5));

    #[test]
    fn speed_above_one_means_ours_is_faster_and_time_the_other_way() {
        let outcome = comparison(Reading::Speed, Target::AtLeast(1.5)).outcome(&[PAIR; 5]);
        assert_eq!((outcome.verdict, outcome.ratio.median), (Verdict::Met, 2.0));
        let outcome = comparison(Reading::Time, Target::AtMost(0.4)).outcome(&[PAIR; 5]);
        assert_eq!((outcome.verdict, outcome.ratio.median), (Verdict::Missed, 0.5));
    }

    #[test]
    fn a_noisy_baseline_decides_nothing() {
        let noisy = (Sample { wall_s: 2.4, ..PAIR.0 }, PAIR.1);
        let outcome = comparison(Reading::Speed, Target::AtLeast(1.5)).outcome(&[PAIR, PAIR, noisy]);
        assert_eq!(outcome.verdict, Verdict::ThrownAway);
    }

    #[test]
    fn cpu_counts_only_if_both_sides_counted_it() {
        let comparison = comparison(Reading::Time, Target::AtMost(0.6));
        assert_eq!(comparison.outcome(&[PAIR]).cpu_ratio.map(|ratio| ratio.median), Some(0.5));
        let uncounted = (Sample { cpu_s: 0.0, ..PAIR.0 }, PAIR.1);
        assert!(comparison.outcome(&[uncounted]).cpu_ratio.is_none());
        assert!(comparison.cpu_outcome(&[uncounted], Target::AtMost(0.5)).is_none());
    }
}
