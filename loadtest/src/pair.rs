//! Two things measured side by side, in the order A B A B, so that the noise of the machine meets both.
//!
//! The figure is the median of the pairs' ratios with its range. A run whose baseline spreads over 15 % is said to be
//! noisy; it is repeated up to three times and then reported as what it is, never averaged away.

use std::future::Future;

use anyhow::Result;
use serde::Serialize;

/// What one measurement gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// CPU seconds of everything that took part in the work.
    pub cpu_s: f64,
}

/// Pairs of a finished comparison.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    /// The goal's id, `G1` …
    pub goal: &'static str,
    /// What was compared with what.
    pub what: String,
    /// Median, lowest and highest ratio of the pairs.
    pub ratio: Ratio,
    /// The same for CPU seconds, ours by baseline.
    pub cpu_ratio: Option<Ratio>,
    /// What is to be reached, as in GOALS: `>= 0.97` …
    pub target: String,
    /// Whether the median reaches it.
    pub reached: bool,
    /// How far the baseline spread, highest by lowest, minus one.
    pub baseline_spread: f64,
    /// Absolute figures, for orientation only.
    pub note: String,
}

/// Median, lowest, highest.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Ratio {
    /// The middle one.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

impl Ratio {
    /// Of at least one figure.
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let median =
            if figures.len() % 2 == 1 { figures[middle] } else { (figures[middle - 1] + figures[middle]) / 2.0 };
        Self { median, low: figures[0], high: figures[figures.len() - 1] }
    }
}

/// Which way is better.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// The ratio has to be at least this.
    AtLeast(f64),
    /// The ratio may be at most this.
    AtMost(f64),
    /// Reported beside a goal that binds.
    Informative,
}

impl Target {
    fn reached(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
            Self::Informative => true,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!(">= {bound}"),
            Self::AtMost(bound) => format!("<= {bound}"),
            Self::Informative => "informative".to_owned(),
        }
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
    /// What is compared.
    pub what: String,
    /// How the ratio is read.
    pub reading: Reading,
    /// What is to be reached.
    pub target: Target,
    /// Bytes each side moves, for the note.
    pub bytes: u64,
    /// At least five.
    pub pairs: usize,
}

/// The baseline may spread this much before a run is called noisy.
const NOISY_SPREAD: f64 = 0.15;

impl Comparison {
    /// Runs the pairs, baseline first in each.
    pub(crate) async fn run<A, B, FA, FB>(&self, mut baseline: A, mut ours: B) -> Result<Outcome>
    where
        A: FnMut() -> FA,
        B: FnMut() -> FB,
        FA: Future<Output = Result<Sample>>,
        FB: Future<Output = Result<Sample>>,
    {
        // One unmeasured pair: caches, allocators and lazily opened pools are not what is compared.
        baseline().await?;
        ours().await?;
        let mut last = None;
        for _ in 0..3 {
            let mut samples = Vec::with_capacity(self.pairs);
            for _ in 0..self.pairs {
                samples.push((baseline().await?, ours().await?));
            }
            let outcome = self.outcome(&samples);
            let quiet = outcome.baseline_spread <= NOISY_SPREAD;
            last = Some(outcome);
            if quiet {
                break;
            }
        }
        last.ok_or_else(|| anyhow::anyhow!("no pair was run"))
    }

    fn outcome(&self, samples: &[(Sample, Sample)]) -> Outcome {
        let read = |base: f64, ours: f64| match self.reading {
            Reading::Speed => base / ours,
            Reading::Time => ours / base,
        };
        let ratio = Ratio::of(samples.iter().map(|(a, b)| read(a.wall_s, b.wall_s)).collect());
        let with_cpu = samples.iter().all(|(a, b)| a.cpu_s > 0.0 && b.cpu_s > 0.0);
        let cpu_ratio = with_cpu.then(|| Ratio::of(samples.iter().map(|(a, b)| b.cpu_s / a.cpu_s).collect()));
        let base = Ratio::of(samples.iter().map(|(a, _)| a.wall_s).collect());
        let ours = Ratio::of(samples.iter().map(|(_, b)| b.wall_s).collect());
        let mib = self.bytes as f64 / (1024.0 * 1024.0);
        let rate =
            |seconds: f64| if self.bytes == 0 { String::new() } else { format!(" ({:.0} MiB/s)", mib / seconds) };
        Outcome {
            goal: self.goal,
            what: self.what.clone(),
            ratio,
            cpu_ratio,
            target: self.target.text(),
            reached: self.target.reached(ratio.median),
            baseline_spread: base.high / base.low - 1.0,
            note: format!(
                "baseline {:.4} s{}, ours {:.4} s{}",
                base.median,
                rate(base.median),
                ours.median,
                rate(ours.median)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let ratio = Ratio::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((ratio.median, ratio.low, ratio.high), (2.5, 1.0, 4.0));
    }

    #[test]
    fn speed_above_one_means_ours_is_faster_and_time_the_other_way() {
        let mut comparison = Comparison {
            goal: "G0",
            what: String::new(),
            reading: Reading::Speed,
            target: Target::AtLeast(1.5),
            bytes: 0,
            pairs: 5,
        };
        let pair = (Sample { wall_s: 2.0, cpu_s: 1.0 }, Sample { wall_s: 1.0, cpu_s: 0.5 });
        let outcome = comparison.outcome(&[pair; 5]);
        assert!(outcome.reached && outcome.ratio.median == 2.0);
        comparison.reading = Reading::Time;
        comparison.target = Target::AtMost(0.4);
        assert!(!comparison.outcome(&[pair; 5]).reached);
    }
}
