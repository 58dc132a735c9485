//! `cargo xtask soak`: the faults of real parts under load, held against a ledger, as often as it takes to believe it. CI runs
//! the short ones once; before a release each does its fault ten times over, and programs die two hundred times. Only
//! `ledger::many` breaks nothing and runs once, with as many institutions as the promise is about.
//!
//! What it measures (how many uploads, how many failed, the longest that anybody waited) is printed as the tests see it.

use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The faults in two lanes of about the same length: they mostly wait, so that two of them fit on two cores. The second lane has
/// parts and a network namespace of its own, where the same ports are free.
const LANES: [&[&str]; 2] = [
    &["ledger::zones", "ledger::kills", "ledger::secrets"],
    &["ledger::answers", "ledger::disk", "ledger::log", "ledger::rebalance", "ledger::rot", "ledger::store"],
];
/// What measures: how much a program holds, how much slower it gets. Nothing runs beside it.
const ALONE: &[&str] = &["ledger::many", "ledger::noisy"];

/// The second lane's log.
const BESIDE: &str = "soak-beside";

/// The verb: on parts of its own, which are gone afterwards if all went well.
pub(crate) fn soak(rounds: usize, only: Option<&str>) -> Result<()> {
    needs::provide("soak", suite::NEEDS)?;
    let mut work = Work::new("soak")?;
    println!("building; {} rounds of each fault; the log is {}", rounds, work.path().display());
    work.run(&mut tree::cargo(["build", "--workspace", "--locked"]))?;
    work.run(&mut tree::cargo(["test", "--workspace", "--locked", "--no-run"]))?;
    let directory = tree::target().join("xtask").join("soak-parts");
    machine::room(&directory, if rounds > 1 { MANY_GIB } else { FEW_GIB }, "the databases of a soak")?;
    let mut logs = vec![work.path().to_owned()];
    let done = match only {
        Some(only) => {
            suite::on_parts_of_its_own(&mut work, &directory, |work, file| faults(work, file, rounds, &[only]))
        }
        None if namespaces() => {
            logs.push(Work::path_of(BESIDE));
            println!("two lanes; the second one's log is {}", logs[1].display());
            suite::on_parts_of_its_own(&mut work, &directory, |work, file| in_lanes(work, file, rounds))
        }
        None => {
            println!(
                "one lane: network namespaces can't be made here (they take root), so that it lasts twice as long"
            );
            suite::on_parts_of_its_own(&mut work, &directory, |work, file| faults(work, file, rounds, FAULTS))
        }
    };
    for log in logs {
        let log = std::fs::read_to_string(log).context("read the log")?;
        for line in figures(&log) {
            println!("{line}");
        }
        ensure!(!log.contains("running 0 tests"), "no fault has such a name: docs/testing.md lists them");
    }
    done.with_context(|| format!("a fault was not stood; see {}", work.path().display()))
}

/// Both lanes whatever becomes of the other, then what has to be alone.
fn in_lanes(work: &mut Work, parts: &Path, rounds: usize) -> Result<()> {
    let mut other = Command::new("unshare");
    // The parts' programs are in the cache by now: the namespace has no way out to fetch them.
    other.args(["--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]).arg(this_program());
    other.args(["soak", "--beside", "--rounds", &rounds.to_string()]);
    let mut second = other.spawn().context("start the second lane")?;
    let first = faults(work, parts, rounds, LANES[0]);
    let second = second.wait().context("wait for the second lane")?;
    first?;
    ensure!(second.success(), "the second lane failed; see {}", Work::path_of(BESIDE).display());
    faults(work, parts, rounds, ALONE)
}

/// The second lane, in a namespace that the first has made.
pub(crate) fn soak_beside(rounds: usize) -> Result<()> {
    let mut work = Work::new(BESIDE)?;
    let directory = tree::target().join("xtask").join("soak-parts-beside");
    suite::on_parts_of_its_own(&mut work, &directory, |work, file| faults(work, file, rounds, LANES[1]))
}

/// Whether we may make network namespaces.
fn namespaces() -> bool {
    let up = Command::new("unshare").args(["--net", "ip", "link", "set", "lo", "up"]).output();
    up.is_ok_and(|up| up.status.success())
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
    fn every_fault_is_in_a_lane_or_alone() {
        let modules = std::fs::read_to_string(tree::root().join("tests/e2e/tests/it/ledger/mod.rs")).unwrap();
        let named = |line: &str| Some(format!("ledger::{}", line.strip_prefix("mod ")?.strip_suffix(';')?));
        let mut there: Vec<_> = modules.lines().filter_map(named).filter(|name| name != "ledger::listener").collect();
        let mut ours = [LANES[0], LANES[1], ALONE].concat();
        there.sort();
        ours.sort_unstable();
        assert_eq!(there, ours);
    }

    #[test]
    fn figures_are_what_tests_saw() {
        let log =
            "test x ... F13, strict: 9 uploads, 0 failed, longest 4.1 s\nnoise\nF23: 20 deaths, ready again after";
        assert_eq!(figures(log).count(), 2);
    }
}
