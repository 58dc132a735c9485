//! `siegel-dealer-api`: where dealers ask for tenants, as a process of its own. It knows tenants and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    siegel_platform::program::run(siegel_operator::dealer::program())
}
