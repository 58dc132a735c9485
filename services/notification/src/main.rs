//! `siegel-notification`: tells what happened to those whom it concerns, as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    siegel_platform::program::run(siegel_notification::program())
}
