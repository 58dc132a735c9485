//! `siegel-admin`: what a provider does beside a running platform, on its state directory.

use std::process::ExitCode;

fn main() -> ExitCode {
    siegel_admin::run_program()
}
