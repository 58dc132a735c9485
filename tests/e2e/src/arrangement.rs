//! How the platform of a test runs: all of it in the test's own process, or as six programs behind a front. A story is written
//! once and told in both; `SIEGEL_E2E_ARRANGEMENT` chooses, `SIEGEL_E2E_PARTS` says on which parts.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// The variable.
const VARIABLE: &str = "SIEGEL_E2E_ARRANGEMENT";

/// How the services are spread over processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// All of them in the test's process, into which a test can look.
    OneProcess,
    /// Each in a process of its own.
    SixPrograms,
}

impl Arrangement {
    /// What the variable says; one process if it is not set.
    pub(crate) fn chosen() -> Result<Self> {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("one-process") => Ok(Self::OneProcess),
            Ok("six-programs") => Ok(Self::SixPrograms),
            Ok(other) => anyhow::bail!("{VARIABLE} is {other:?}; it may be one-process or six-programs"),
        }
    }
}

/// Where the programs lie: two directories above a test's binary, where `cargo build --workspace` leaves them.
pub(crate) fn binaries() -> Result<PathBuf> {
    let test = std::env::current_exe().context("the test's own path")?;
    let target = test.parent().and_then(|deps| deps.parent()).context("the directory of the programs")?;
    Ok(target.to_owned())
}
