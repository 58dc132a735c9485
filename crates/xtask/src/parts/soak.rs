//! `cargo xtask soak`: the faults of real parts under load, held against a ledger, as often as it takes to believe it. CI runs
//! the short ones once; before a release each does its fault ten times over, and programs die two hundred times. Only
//! `ledger::many` breaks nothing and runs once, with as many institutions as the promise is about.
//!
//! What it measures (how many uploads, how many failed, the longest that anybody waited) is printed as the tests see it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::suite;
use crate::work::Work;
use crate::{machine, needs, tree};

/// Rounds of each fault if nobody says otherwise.
pub(crate) const ROUNDS: usize = 10;
/// What its parts hold in the end, in GiB: 1,000 institutions have a database of 9 MB each in two servers, and the log of making them;
/// and with each fault once.
const MANY_GIB: u64 = 30;
const FEW_GIB: u64 = 6;
/// The tests that break parts, by the beginnings of their names.
const FAULTS: &[&str] = &["ledger::"];
/// Those of them that CI runs. A zone that is lost whole, and many institutions, take minutes each: only the verb runs them.
pub(super) const SHORT: &[&str] = &[
    "ledger::answers",
    "ledger::disk",
    "ledger::kills",
    "ledger::log",
    "ledger::noisy",
    "ledger::rebalance",
    "ledger::rot",
    "ledger::secrets",
    "ledger::store",
    "ledger::zones::f",
];

/// The verb: on parts of its own, which are gone afterwards if all went well.
pub(crate) fn soak(rounds: usize, only: Option<&str>) -> Result<()> {
    needs::provide("soak", suite::NEEDS)?;
    let mut work = Work::new("soak")?;
    println!("building; {} rounds of each fault; the log is {}", rounds, work.path().display());
    work.run(&mut tree::cargo(["build", "--workspace", "--locked"]))?;
    work.run(&mut tree::cargo(["test", "--workspace", "--locked", "--no-run"]))?;
    let directory = tree::target().join("xtask").join("soak-parts");
    machine::room(&directory, if rounds > 1 { MANY_GIB } else { FEW_GIB }, "the databases of a soak")?;
    let only: Vec<&str> = only.map_or(FAULTS.to_vec(), |only| vec![only]);
    let done = suite::on_parts_of_its_own(&mut work, &directory, |work, file| faults(work, file, rounds, &only));
    let log = std::fs::read_to_string(work.path()).context("read the log")?;
    for line in figures(&log) {
        println!("{line}");
    }
    ensure!(!log.contains("running 0 tests"), "no fault has such a name: docs/testing.md lists them");
    done.with_context(|| format!("a fault was not stood; see {}", work.path().display()))
}

/// Faults on the parts of a file, one after another: each breaks what the others stand on.
pub(super) fn faults(work: &mut Work, parts: &Path, rounds: usize, only: &[&str]) -> Result<()> {
    let mut tests = tree::cargo(["test", "--workspace", "--locked", "--test", "e2e", "--"]);
    tests.args(["--ignored", "--test-threads=1", "--nocapture", "--skip", "traces::"]).args(only);
    tests.env("SIEGEL_E2E_PARTS", parts).env("SIEGEL_SOAK_ROUNDS", rounds.to_string());
    work.run(tests.env("SIEGEL_XTASK", this_program()))
}

/// This program by what runs, for children of children: building the workspace may replace its file.
fn this_program() -> PathBuf {
    PathBuf::from(format!("/proc/{}/exe", std::process::id()))
}

/// Lines of the log that say what was seen: `F23, strict: 210 uploads, 0 failed, longest 1.9 s`.
fn figures(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter(|line| line.contains(" failed, longest ") || line.contains(" deaths, ready again "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_what_tests_saw() {
        let log =
            "test x ... F13, strict: 9 uploads, 0 failed, longest 4.1 s\nnoise\nF23: 20 deaths, ready again after";
        assert_eq!(figures(log).count(), 2);
    }
}
