//! `cargo xtask bench`: side-by-side measurements. Each line is a ratio of two things measured in one run (GOALS), printed
//! with its range and what it means; docs/performance.md keeps what was reached and where the rest of the time goes.

mod cpu;
mod data;
mod g1;
mod g2;
mod g22;
mod pair;
mod server;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::pair::Outcome;

/// Measures the goals it is asked for, all of them if none is named.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  cargo xtask bench\n  cargo run --release -p siegel-loadtest -- G1 --pairs 9")]
struct Args {
    /// G1, G2, G22 …
    goals: Vec<String>,
    /// Pairs of each comparison.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Size of large files, in MiB.
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// The baseline of G2 and what is measured beside it run as processes of their own.
const GOALS: [&str; 3] = ["G1", "G2", "G22"];

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == g2::SEAL_FILE) {
        let paths: Vec<PathBuf> = words.map(Into::into).collect();
        let [input, output] = &paths[..] else { anyhow::bail!("seal-file INPUT OUTPUT") };
        return g2::seal_file(input, output);
    }
    let args = Args::parse();
    let wanted = |goal: &str| args.goals.is_empty() || args.goals.iter().any(|word| word.eq_ignore_ascii_case(goal));
    let mut outcomes = Vec::new();
    for goal in GOALS.into_iter().filter(|goal| wanted(goal)) {
        outcomes.extend(match goal {
            "G1" => g1::run(args.pairs).await?,
            "G2" => g2::run(args.pairs, args.mib << 20).await?,
            _ => g22::run(args.pairs).await?,
        });
    }
    anyhow::ensure!(!outcomes.is_empty(), "no such goal; there are {GOALS:?}");
    print(&outcomes, args.json)
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
fn print(outcomes: &[Outcome], json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(outcomes)?);
        return Ok(());
    }
    for o in outcomes {
        let reached = if o.reached { "reached" } else { "MISSED" };
        println!("{:<4} {}", o.goal, o.what);
        println!("     {:.3} ({:.3}-{:.3})  {}  {reached}", o.ratio.median, o.ratio.low, o.ratio.high, o.target);
        if let Some(cpu) = o.cpu_ratio {
            println!("     CPU ours / baseline {:.3} ({:.3}-{:.3})", cpu.median, cpu.low, cpu.high);
        }
        println!("     {}; baseline spread {:.0} %", o.note, o.baseline_spread * 100.0);
    }
    Ok(())
}
