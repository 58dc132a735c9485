//! `siegel-upload`: keeps sealed records in two zones, as a process of its own. What it consists of: `app.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    siegel_platform::program::run(siegel_upload::program())
}
