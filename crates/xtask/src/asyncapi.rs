//! The AsyncAPI document is one: held against the schema that its authors publish, by a validator of others. That it says what the
//! code does is for its generator; that it is well formed nobody would notice until a tool of somebody's refuses it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools::pinned_by;
use crate::work::Work;
use crate::{machine, tree};

const TOOLS: &str = "tools/asyncapi";
const DOCUMENT: &str = "docs/asyncapi.json";

pub(crate) fn found() -> bool {
    home().is_ok_and(|home| home.join("complete").is_file()) && machine::which("node").is_some()
}

/// Schema and validator, as the lock file has them.
pub(crate) fn install(work: &mut Work) -> Result<()> {
    if ["node", "npm"].iter().any(|program| machine::which(program).is_none()) {
        machine::apt(work, &["nodejs", "npm"])?;
    }
    let home = home()?;
    std::fs::create_dir_all(&home)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(tree::root().join(TOOLS).join(file), home.join(file)).with_context(|| format!("copy {file}"))?;
    }
    work.run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&home))?;
    std::fs::write(home.join("complete"), "").context("mark the validator as complete")
}

fn home() -> Result<PathBuf> {
    pinned_by("asyncapi", &format!("{TOOLS}/package-lock.json"))
}

/// The stage.
pub(crate) fn check(work: &mut Work) -> Result<String> {
    let script = tree::root().join(TOOLS).join("check.mjs");
    let said = work.output(tree::program("node").arg(script).arg(home()?).arg(DOCUMENT))?;
    Ok(String::from_utf8_lossy(&said).trim().into())
}
