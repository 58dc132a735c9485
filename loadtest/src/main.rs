//! `cargo xtask bench`: side-by-side measurements. Each line is a ratio of two things measured in one run, printed with its
//! range and what it means; docs/performance.md keeps what was reached and where the rest of the time goes.
//!
//! A goal has a file of its own (`g3.rs` …) and a line in [`GOALS`], or in [`ON_PARTS`] if it is about the real parts ([`parts`]). What is measured runs in processes of its own
//! ([`worker`]); [`pair`] runs baseline and ours in turn; [`world`] has the people of an upload.

mod cpu;
mod data;
mod equal_time;
mod g1;
mod g2;
mod g22;
mod g3;
mod g6;
mod g7;
mod g8;
mod outcome;
mod pair;
mod parts;
mod plain;
mod report;
mod server;
mod settings;
mod small;
mod tell;
mod web;
mod worker;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum as _};

use crate::data::Place;
use crate::outcome::Outcome;
use crate::settings::Settings;

/// Measures the goals it is asked for, all of them if none is named. Progress goes to standard error, the result to
/// standard output.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask bench --",
    after_help = "Examples:\n  cargo xtask bench                                   # everything\n  cargo xtask bench -- --list\n  cargo xtask bench --parts                           # the goals on PostgreSQL, Kafka and S3, started for it\n  cargo xtask bench --parts -- --only G6\n  cargo xtask bench -- --only G3 --quick              # does it run at all?\n  cargo xtask bench -- --only G3 --only G6 --pairs 9\n  cargo xtask bench -- --markdown --json figures.json # rows for docs/performance.md\n\nFigures count only on a machine that does nothing else meanwhile. A line whose baseline spreads over 15 % is\nrepeated up to three times and then thrown away."
)]
struct Args {
    /// Say which goals there are and how long each takes.
    #[arg(long)]
    list: bool,
    /// Only this goal (may be given several times).
    #[arg(long, value_name = "GOAL")]
    only: Vec<String>,
    /// The goals on the real parts that this file names; `cargo xtask bench --parts` starts them and says it.
    #[arg(long, value_name = "FILE", requires = "on")]
    parts: Option<PathBuf>,
    /// Where these parts keep what they hold: throughput is measured on tmpfs, durability on a disk.
    #[arg(long, value_name = "PLACE")]
    on: Option<Place>,
    /// Small sizes and two pairs: to see that it runs, not for figures.
    #[arg(long)]
    quick: bool,
    /// Pairs of each comparison [default: 5, quick: 2].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pairs: Option<u16>,
    /// Size of large files, in MiB [default: 1024, quick: 128].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(2..))]
    mib: Option<u64>,
    /// Size of the largest record, on disk, for memory and ranges, in MiB [default: 10240, quick: 512].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(2..))]
    large_mib: Option<u64>,
    /// Print the rows for docs/performance.md instead of the table.
    #[arg(long)]
    markdown: bool,
    /// Also write everything to this file; on parts to `FILE.tmpfs.json` and `FILE.disk.json`.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A goal: its id, what it is about, minutes with the usual settings on two cores.
struct Goal(&'static str, &'static str, f64);

/// The goals on real parts, and where those are to lie.
const ON_PARTS: [(Place, Goal); 5] = [
    (Place::Memory, Goal("G3-G5", "upload beside plain PUTs, rclone crypt, age and rclone", 8.0)),
    (Place::Memory, Goal("G21", "reading without a zone, filling it again", 8.0)),
    (Place::Disk, Goal("G6", "small records beside two PUTs and an INSERT", 4.0)),
    (Place::Disk, Goal("G13", "commits beside batches of rows", 2.0)),
    (Place::Disk, Goal("G14", "events to Kafka beside a bare producer; to the consumer", 3.0)),
];

const GOALS: [Goal; 8] = [
    Goal("G1", "sealing and opening beside the bare library", 0.2),
    Goal("G2", "sealing a file beside age", 0.6),
    Goal("G3", "upload through the service beside two plain copies", 5.0),
    Goal("G6", "small records beside two files and a row", 2.5),
    Goal("G7", "download beside a plain GET, ranges", 4.0),
    Goal("G8", "memory of client and service", 4.0),
    Goal("G22", "start and memory at rest", 0.2),
    Goal("equal-time", "a login's first answer, unknown beside known names", 0.5),
];

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let done = match words.next() {
        Some(word) if word == worker::WORD => worker::run(words).await,
        _ => measure(Args::parse()).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell::line(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: Args) -> Result<()> {
    let named = |goal: &&Goal| args.only.is_empty() || args.only.iter().any(|word| word.eq_ignore_ascii_case(goal.0));
    let all: Vec<&Goal> = match args.parts {
        Some(_) => ON_PARTS.iter().map(|(_, goal)| goal).collect(),
        None => GOALS.iter().collect(),
    };
    let unknown = |word: &&String| !all.iter().any(|goal| goal.0.eq_ignore_ascii_case(word));
    if let Some(unknown) = args.only.iter().find(unknown) {
        anyhow::bail!("there is no goal {unknown}; --list says which there are");
    }
    let elsewhere = |goal: &&Goal| ON_PARTS.iter().any(|(place, its)| its.0 == goal.0 && Some(*place) != args.on);
    let wanted = all.into_iter().filter(named).filter(|goal| args.parts.is_none() || !elsewhere(goal));
    let wanted: Vec<&Goal> = wanted.collect();
    if args.list {
        list(&wanted);
        return Ok(());
    }
    let settings = Settings {
        pairs: args.pairs.map_or(if args.quick { 2 } else { 5 }, usize::from),
        bytes: args.mib.unwrap_or(if args.quick { 128 } else { 1024 }) << 20,
        large_bytes: args.large_mib.unwrap_or(if args.quick { 512 } else { 10 * 1024 }) << 20,
        small_records: if args.quick { 300 } else { 2_000 },
    };
    ensure!(settings.large_bytes > settings.bytes, "--large-mib has to be more than --mib");
    announce(&wanted, &args);
    let mut outcomes = Vec::new();
    for goal in wanted {
        let measured = match goal.0 {
            on_parts if args.parts.is_some() => measure_on(on_parts, &settings, args.parts.as_deref()).await,
            "G1" => g1::run(settings.pairs).await,
            "G2" => g2::run(&settings).await,
            "G3" => g3::run(&settings).await,
            "G6" => g6::run(&settings).await,
            "G7" => g7::run(&settings).await,
            "G8" => g8::run(&settings).await,
            "G22" => g22::run(&settings).await,
            "equal-time" => equal_time::run(&settings).await,
            other => unreachable!("nothing measures {other}"),
        };
        outcomes.extend(measured.with_context(|| format!("measure {}", goal.0))?);
    }
    if let Some(file) = &args.json {
        // On parts there is a run for each place: neither overwrites the other's.
        let place = args.on.and_then(|place| place.to_possible_value());
        let file = place.map_or(file.clone(), |place| file.with_extension(format!("{}.json", place.get_name())));
        report::json(&outcomes, &file)?;
    }
    if args.markdown {
        report::markdown(&outcomes)
    } else {
        report::table(&outcomes)
    }
    Ok(())
}

async fn measure_on(goal: &str, settings: &Settings, file: Option<&Path>) -> Result<Vec<Outcome>> {
    let file = file.context("the parts are started")?;
    match goal {
        "G3-G5" => parts::large::run(settings, file).await,
        "G6" => parts::small::run(settings, file).await,
        "G13" => parts::commits::run(settings, file).await,
        "G14" => parts::log::run(settings, file).await,
        "G21" => parts::heal::run(settings, file).await,
        other => unreachable!("nothing measures {other}"),
    }
}

#[expect(clippy::print_stdout, reason = "the list is the result")]
fn list(goals: &[&Goal]) {
    for Goal(id, what, minutes) in goals {
        println!("{id:<4} {what:<55} about {minutes} min");
    }
}

fn announce(goals: &[&Goal], args: &Args) {
    let minutes: f64 = goals.iter().map(|goal| goal.2).sum();
    let ids = goals.iter().map(|goal| goal.0).collect::<Vec<_>>().join(", ");
    if args.quick {
        tell::line(&format!(
            "{ids}, quickly: about {:.0} min. Figures of a quick run mean nothing.",
            (minutes / 8.0).ceil()
        ));
    } else {
        let (least, most) = (minutes.ceil(), (minutes * 3.0).ceil());
        tell::line(&format!(
            "{ids}: about {least:.0} min; up to {most:.0} where the baseline is noisy and is repeated."
        ));
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    if load.split(' ').next().and_then(|minute| minute.parse::<f64>().ok()).is_some_and(|minute| minute > 0.5) {
        tell::line("The machine is busy with something else: expect lines to be thrown away.");
    }
}
