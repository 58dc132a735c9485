//! The project's chores, as a program: `cargo xtask <verb>`.
//!
//! Everything with logic that is not the product lives here, so that a chore is read, changed and tested like the rest.
//! - [`stages`]: the one list of what `check`, `test`, `ci` and `windows…` run; [`stage`] runs it and prints the table of minutes.
//! - [`needs`]: what the machine must have; installed where we may, named where we may not.
//! - [`generate`]: files that are made by programs of ours and committed.
//! - [`check`]: rules no compiler knows (dependency direction, promises and their tests, long files, words, alerts).
//! - [`protocol`]: what services say to each other, held against what they said. [`collector`]: what they tell of themselves.
//! - [`bench`]: the goals of speed, measured. [`parts`]: PostgreSQL, S3, OpenBao, Kafka, started for real on this machine.
//! - [`windows`]: the client for Windows, and a smoke test of it under Wine.
//!
//! To add a check: a file in `check/` with a function from [`work::Work`] to a note, and a line in [`stages`].

#![expect(clippy::print_stdout, reason = "this program talks to the person who called it")]

mod asyncapi;
mod bench;
mod check;
mod collector;
mod generate;
mod machine;
mod needs;
mod parts;
mod protocol;
mod stage;
mod stages;
mod tools;
mod tree;
mod windows;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::needs::Need;
use crate::stage::Mode;

/// The project's chores. Logs of each stage lie in target/xtask/.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Write the generated files anew: gRPC code, OpenAPI document, test vectors
    Gen {
        /// Compare only, and fail if anything differs
        #[arg(long)]
        check: bool,
    },
    /// Take proto/ as it is for what later changes of it are held against; a change that breaks is refused
    Protocol {
        /// Take it although it breaks what runs today
        #[arg(long = "break")]
        breaking: bool,
    },
    /// Everything that can be said without running the product: fmt, clippy, licences, dependency direction, drift …
    Check(Choice),
    /// Say what is needed, install or name it, then run everything: checks, builds, tests
    Test(Choice),
    /// The same as `test`, held against the minutes each group of stages may take
    Ci(Choice),
    /// Measure against the goals: passes its arguments on to the load generator
    #[command(disable_help_flag = true)]
    Bench {
        /// The goals on PostgreSQL, Kafka and S3, which are started for it
        #[arg(long)]
        parts: bool,
        /// Arguments of siegel-loadtest; `--help` shows them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Start PostgreSQL, S3, OpenBao and Kafka on this machine, and write where they are (infra/README.md)
    Up {
        /// Only these parts and the proxies in front of them
        #[arg(long, value_name = "PART", value_delimiter = ',')]
        only: Vec<String>,
        /// And the platform on them: six programs behind https://localhost:8443 (docs/programs.md)
        #[arg(long)]
        programs: bool,
    },
    /// End what `up` started
    Down {
        /// Forget its state too
        #[arg(long)]
        wipe: bool,
    },
    /// Say of each process of `up` how it is
    Status,
    /// Show what the parts wrote last
    Logs {
        /// A part, or a process of one
        part: Option<String>,
        /// Go on showing
        #[arg(long, short)]
        follow: bool,
    },
    /// Break the real parts under load, again and again, and hold what was acknowledged against what is there
    Soak {
        /// How often each fault comes; programs die twenty times in each round
        #[arg(long, default_value_t = parts::ROUNDS)]
        rounds: usize,
        /// Each fault once
        #[arg(long, conflicts_with = "rounds")]
        once: bool,
        /// Only faults whose test's name contains this
        #[arg(long, value_name = "NAME")]
        only: Option<String>,
        /// The second lane of one that runs already
        #[arg(long, hide = true)]
        beside: bool,
    },
    /// Build siegel.exe for Windows (x86_64-pc-windows-gnu)
    Windows,
    /// Run enrol, put and get of siegel.exe under Wine against a server started here
    WindowsSmoke,
}

/// Which stages to run.
#[derive(clap::Args, Default)]
struct Choice {
    /// Only stages whose name contains this (may be given several times)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Leave out what needs this; the table then says so
    #[arg(long, value_name = "NEED")]
    without: Vec<Need>,
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Gen { check } => generate::run(check),
        Verb::Protocol { breaking } => protocol::accept(breaking),
        Verb::Check(choice) => stage::run(Mode::Check, stages::checks(), &choice.only, &choice.without),
        Verb::Test(choice) => stage::run(Mode::Test, stages::everything(), &choice.only, &choice.without),
        Verb::Ci(choice) => stage::run(Mode::Ci, stages::everything(), &choice.only, &choice.without),
        Verb::Bench { parts, args } => bench::run(parts, &args),
        Verb::Up { only, programs } => parts::up(&only, programs),
        Verb::Down { wipe } => parts::down(wipe),
        Verb::Status => parts::status(),
        Verb::Logs { part, follow } => parts::logs(part.as_deref(), follow),
        Verb::Soak { rounds, beside: true, .. } => parts::soak_beside(rounds),
        Verb::Soak { rounds, once, only, .. } => parts::soak(if once { 1 } else { rounds }, only.as_deref()),
        Verb::Windows => stage::run(Mode::Windows, stages::windows(), &[], &[]),
        Verb::WindowsSmoke => stage::run(Mode::WindowsSmoke, stages::windows_smoke(), &[], &[]),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
