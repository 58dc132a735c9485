//! Runs a list of stages: one line each while they run, the whole output of what fails, a table at the end.

use std::io::Write;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::needs::{self, Need};
use crate::work::{Stopwatch, Work};
use crate::{machine, tree};

/// What stages have in common, and the minutes they may take together on two cores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    Checks,
    Build,
    Embedded,
    Real,
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Checks => "checks",
            Self::Build => "build",
            Self::Embedded => "embedded parts and seeds",
            Self::Real => "real parts",
        }
    }

    /// Of the 90 minutes of a whole run. Promised to groups still to come: people 5, Kubernetes 25.
    fn budget_minutes(self) -> u64 {
        match self {
            Self::Checks => 10,
            Self::Build => 13,
            Self::Embedded => 8,
            Self::Real => 18,
        }
    }
}

/// One thing to run. What it answers is a note for its line, empty if there is nothing to add.
pub(crate) struct Stage {
    pub(crate) group: Group,
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(&mut Work) -> Result<String>,
}

enum Outcome {
    Passed,
    Failed,
    LeftOut,
}

struct Line {
    group: Group,
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Tests that ran, read from the test runners' own closing lines.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// How a list of stages is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All of them, whatever fails: someone wants to mend everything at once.
    Check,
    /// Up to the first that fails: what follows would only repeat it.
    Test,
    /// As [`Mode::Test`], and every group is held to its minutes.
    Ci,
    /// As [`Mode::Test`], for the Windows client alone: whether it builds.
    Windows,
    /// The same: whether it runs.
    WindowsSmoke,
}

/// What a whole run may take, with something to spare: a build directory that had seen a day's changes held 22 GiB.
const WHOLE_GIB: u64 = 25;

impl Mode {
    /// Whether everything is built and run.
    fn whole(self) -> bool {
        matches!(self, Self::Test | Self::Ci)
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Test => "test",
            Self::Ci => "ci",
            Self::Windows => "windows",
            Self::WindowsSmoke => "windows-smoke",
        }
    }
}

/// Runs `stages` in order, only those that `only` and `without` leave.
pub(crate) fn run(mode: Mode, mut stages: Vec<Stage>, only: &[String], without: &[Need]) -> Result<()> {
    let verb = mode.verb();
    if !only.is_empty() {
        stages.retain(|stage| only.iter().any(|part| stage.name.contains(part.as_str())));
        if stages.is_empty() {
            bail!("no stage of `cargo xtask {verb}` has such a name");
        }
    }
    if mode.whole() && only.is_empty() {
        machine::room(&tree::target(), WHOLE_GIB, &format!("a whole `cargo xtask {verb}`"))?;
    }
    let run = stages.iter().filter(|stage| left_out(stage, without).is_none());
    needs::provide(verb, &run.flat_map(|stage| stage.needs).copied().collect::<Vec<_>>())?;

    println!("\nstages: {}; logs in {}\n", stages.len(), tree::target().join("xtask").display());
    let (mut lines, mut counts) = (Vec::new(), Counts::default());
    let mut failed = Vec::new();
    for stage in &stages {
        let line = run_one(stage, without, &mut counts)?;
        failed.extend(matches!(line.outcome, Outcome::Failed).then_some(stage.name));
        lines.push(line);
        if mode != Mode::Check && !failed.is_empty() {
            break;
        }
    }
    let over = close(&lines, stages.len(), &counts);
    if !failed.is_empty() {
        bail!("cargo xtask {verb}: {} failed; see above", failed.join(", "));
    }
    if mode == Mode::Ci && !over.is_empty() {
        bail!("cargo xtask ci: over the budget: {}", over.join(", "));
    }
    Ok(())
}

/// What a stage can't do without and is not to have.
fn left_out(stage: &Stage, without: &[Need]) -> Option<Need> {
    stage.needs.iter().find(|need| without.contains(need)).copied()
}

fn run_one(stage: &Stage, without: &[Need], counts: &mut Counts) -> Result<Line> {
    let Stage { group, name, .. } = *stage;
    if let Some(need) = left_out(stage, without) {
        println!("{name:<34} left out (--without {need})");
        counts.skipped += 1;
        return Ok(Line { group, name, outcome: Outcome::LeftOut, took: Duration::ZERO });
    }
    print!("{name:<34} ");
    std::io::stdout().flush()?;
    let (watch, mut work) = (Stopwatch::start(), Work::new(name)?);
    let result = (stage.run)(&mut work);
    let took = watch.elapsed();
    let log = String::from_utf8_lossy(&std::fs::read(work.path())?).into_owned();
    counts.add(&log);
    let outcome = match result {
        Ok(note) => {
            println!("{:>8}  {note}", seconds(took));
            Outcome::Passed
        }
        Err(error) => {
            println!("{:>8}  FAILED\n\n{log}\n{name}: {error:#}", seconds(took));
            Outcome::Failed
        }
    };
    Ok(Line { group, name, outcome, took })
}

/// Prints the table; answers with the groups that took longer than they may.
fn close(lines: &[Line], planned: usize, counts: &Counts) -> Vec<&'static str> {
    println!("\n{:<26} {:<34} {:>7}", "group", "stage", "minutes");
    for line in lines {
        let remark = match line.outcome {
            Outcome::Passed => "",
            Outcome::Failed => "  FAILED",
            Outcome::LeftOut => "  left out",
        };
        println!("{:<26} {:<34} {:>7.1}{remark}", line.group.name(), line.name, minutes(line.took));
    }
    let mut over = Vec::new();
    println!();
    for group in [Group::Checks, Group::Build, Group::Embedded, Group::Real] {
        let of_group: Vec<_> = lines.iter().filter(|line| line.group == group).collect();
        if of_group.is_empty() {
            continue;
        }
        let took = of_group.iter().map(|line| line.took).sum();
        let budget = group.budget_minutes();
        let late = minutes(took) > budget as f64;
        over.extend(late.then_some(group.name()));
        let mark = if late { "  over" } else { "" };
        println!("{:<61} {:>7.1} of {budget:>2}{mark}", group.name(), minutes(took));
    }
    let all = lines.iter().map(|line| line.took).sum();
    println!("{:<61} {:>7.1}", format!("{} of {planned} stages", lines.len()), minutes(all));
    if counts.passed + counts.failed + counts.skipped > 0 {
        // Alone on its line and in this form, because people and machines look for it.
        println!("\n{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    }
    over
}

impl Counts {
    /// Adds what cargo test, Python's unittest, pytest and node's test runner say at their end.
    fn add(&mut self, log: &str) {
        for line in log.lines() {
            let words: Vec<_> = line.split([' ', ';', ',']).filter(|word| !word.is_empty()).collect();
            let before = |what: &str| {
                let at = words.iter().position(|word| *word == what)?;
                words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
            };
            match words.as_slice() {
                ["test", "result:", ..] => {
                    self.passed += before("passed").unwrap_or(0);
                    self.failed += before("failed").unwrap_or(0);
                    self.skipped += before("ignored").unwrap_or(0);
                }
                ["Ran", count, "tests" | "test", "in", ..] => self.passed += count.parse().unwrap_or(0),
                ["#" | "ℹ", "pass", count] => self.passed += count.parse().unwrap_or(0),
                ["#" | "ℹ", "fail", count] => self.failed += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / 60.0
}

/// As a stage's line says how long it took.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 { format!("{:.1} s", time.as_secs_f64()) } else { format!("{}:{:02} min", whole / 60, whole % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_each_test_runner_are_counted() {
        let mut counts = Counts::default();
        counts.add(
            "running 3 tests\n\
             test result: ok. 16 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.34s\n\
             test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n\
             Ran 12 tests in 0.031s\n\
             # pass 7\n# fail 1\n\
             a test result: ok is not a closing line",
        );
        assert_eq!((counts.passed, counts.failed, counts.skipped), (38, 2, 2));
    }

    #[test]
    fn a_stage_that_is_left_out_asks_for_nothing_else_either() {
        let stage = Stage {
            group: Group::Embedded,
            name: "a program of Windows under Wine",
            needs: &[Need::Windows, Need::Wine],
            run: |_| Ok(String::new()),
        };
        assert_eq!(left_out(&stage, &[Need::Windows]), Some(Need::Windows));
        assert_eq!(left_out(&stage, &[Need::Wasm]), None);
    }

    #[test]
    fn short_times_have_tenths_and_long_ones_minutes() {
        assert_eq!(seconds(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2:05 min");
    }
}
