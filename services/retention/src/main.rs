//! `siegel-retention`: deadlines, erasures, receipts and the audit trail, as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    siegel_platform::program::run(siegel_retention::program())
}
