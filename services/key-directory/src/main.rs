//! `siegel-key-directory`: who belongs to whom and who is signed in, as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    siegel_platform::program::run(siegel_key_directory::program())
}
