//! `siegel-operator`: makes tenants what they were asked to be, as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    siegel_platform::program::run(siegel_operator::program())
}
