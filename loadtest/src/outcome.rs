//! What a measurement says: a figure with its range, the goal, and the verdict.

use serde::{Serialize, Serializer};

/// Median, lowest, highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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
    /// The figure has to be at least this.
    AtLeast(f64),
    /// The figure may be at most this.
    AtMost(f64),
    /// Reported beside a goal that binds.
    Informative,
}

impl Target {
    /// As the table writes it.
    pub(crate) fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
            Self::Informative => "informative".to_owned(),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// The median reaches the goal.
    Met,
    /// It does not.
    Missed,
    /// The baseline spread too far for the run to say anything.
    ThrownAway,
    /// There is nothing to reach.
    Informative,
}

impl Verdict {
    /// As the table writes it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::ThrownAway => "thrown away (noise)",
            Self::Informative => "-",
        }
    }
}

/// A finished measurement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    /// The goal's id, `G1` …
    pub goal: &'static str,
    /// What was measured.
    pub what: String,
    /// What it was compared with.
    pub baseline: String,
    /// The figure: a ratio to the baseline, or an absolute one where the goal is.
    pub ratio: Ratio,
    /// Our CPU seconds by the baseline's.
    pub cpu_ratio: Option<Ratio>,
    /// What is to be reached.
    pub target: Target,
    /// Whether it was.
    pub verdict: Verdict,
    /// How far the baseline spread, highest by lowest, minus one; none where there is no baseline.
    pub baseline_spread: Option<f64>,
    /// Absolute figures, for orientation only.
    pub note: String,
}

impl Outcome {
    /// An outcome without CPU, spread and note.
    pub(crate) fn new(goal: &'static str, what: &str, baseline: &str, ratio: Ratio, target: Target) -> Self {
        let verdict = match target {
            Target::AtLeast(bound) if ratio.median >= bound => Verdict::Met,
            Target::AtMost(bound) if ratio.median <= bound => Verdict::Met,
            Target::Informative => Verdict::Informative,
            Target::AtLeast(_) | Target::AtMost(_) => Verdict::Missed,
        };
        let (what, baseline) = (what.to_owned(), baseline.to_owned());
        Self {
            goal,
            what,
            baseline,
            ratio,
            target,
            verdict,
            cpu_ratio: None,
            baseline_spread: None,
            note: String::new(),
        }
    }

    /// With what the CPU says.
    pub(crate) fn cpu(mut self, ratio: Option<Ratio>) -> Self {
        self.cpu_ratio = ratio;
        self
    }

    /// With how far the baseline spread; beyond `bound` the run says nothing.
    pub(crate) fn spread(mut self, spread: f64, bound: f64) -> Self {
        self.baseline_spread = Some(spread);
        if spread > bound && self.verdict != Verdict::Informative {
            self.verdict = Verdict::ThrownAway;
        }
        self
    }

    /// With absolute figures.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
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
    fn the_bound_itself_is_met() {
        let verdict = |target| Outcome::new("G0", "", "", Ratio::of(vec![0.6]), target).verdict;
        assert_eq!(verdict(Target::AtLeast(0.6)), Verdict::Met);
        assert_eq!(verdict(Target::AtMost(0.6)), Verdict::Met);
        assert_eq!(verdict(Target::AtMost(0.59)), Verdict::Missed);
        assert_eq!(verdict(Target::Informative), Verdict::Informative);
    }
}
