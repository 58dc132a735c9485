//! What six programs say: numbers, and logs.

use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};

use crate::{NAMES, Programs};

/// Lines of each log that a failed test shows.
const COMPLAINTS: usize = 8;

impl Programs {
    /// How many requests of a method a program has answered.
    pub async fn answered(&self, name: &str, method: &str) -> Result<f64> {
        let label = format!("method=\"{method}\"");
        self.sum(name, |line| line.starts_with("siegel_requests_total{") && line.contains(&label)).await
    }

    /// A number of a program: the sum over everything that begins with `series`.
    pub async fn number(&self, name: &str, series: &str) -> Result<f64> {
        self.sum(name, |line| line.starts_with(series)).await
    }

    /// The sum of some lines that a program tells at `/metrics`.
    async fn sum(&self, name: &str, of: impl Fn(&str) -> bool) -> Result<f64> {
        crate::metrics::sum(&self.own_url(name), of).await
    }

    /// Memory of a program that lies in RAM, MiB.
    pub fn resident_mib(&self, name: &str) -> Result<u64> {
        let child = self.running[name].child.as_ref().context("it does not run")?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.split_whitespace().next().context("a number")?.parse::<u64>()? / 1_024)
    }

    /// What a program wrote to its log.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name, "log")).unwrap_or_default()
    }

    /// Fails if a task of any program panicked.
    pub(crate) fn no_panics(&self) -> Result<()> {
        let panicked = |name: &&str| self.log(name).contains("panicked");
        let found: Vec<_> = NAMES.iter().filter(|name| panicked(name)).collect();
        ensure!(found.is_empty(), "a task panicked in {found:?}");
        Ok(())
    }

    /// If the test that runs here has failed: what the programs complained of, for whoever reads why. Their logs go with their
    /// directory.
    pub(crate) fn tell_if_it_failed(&self) {
        if !std::thread::panicking() {
            return;
        }
        for name in NAMES {
            let log = self.log(name);
            let complaint = |line: &&str| line.contains("ERROR") || line.contains("WARN");
            // What is nobody's fault but ours comes first: one fault makes many lines of what was to be expected.
            let (ours, expected): (Vec<&str>, Vec<&str>) =
                log.lines().filter(complaint).partition(|line| line.contains("problem=\"internal\""));
            let count = ours.len() + expected.len();
            let last = |lines: Vec<&str>| lines[lines.len().saturating_sub(COMPLAINTS)..].join("\n");
            let (ours, expected) = (last(ours), last(expected));
            let _ = writeln!(std::io::stderr(), "{name}, the last of {count} complaints:\n{ours}\n{expected}");
        }
    }
}
