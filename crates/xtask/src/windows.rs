//! The client for Windows: senders are Windows PCs. Built here by cross-compiling, tried here under Wine.
//!
//! Debian 12's Wine 8 lacks one function that Rust's standard library imports; `infra/wine/bcryptprimitives.c` says
//! which and stands in for it. It lies beside siegel.exe for the smoke test only and is never shipped.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::needs::{self, MINGW, Need, WINDOWS};
use crate::work::Work;
use crate::{machine, tree};

/// Debian puts the loader here, not into the path.
const WINE: &str = "/usr/lib/wine/wine64";

/// `cargo xtask windows`.
pub(crate) fn build_visibly() -> Result<()> {
    needs::provide("windows", &[Need::Windows])?;
    let mut work = Work::new("windows")?;
    build(&mut work).with_context(|| format!("see {}", work.path().display()))?;
    println!("{}", exe().display());
    Ok(())
}

/// The stage: siegel.exe builds and links.
pub(crate) fn build(work: &mut Work) -> Result<String> {
    work.run(&mut tree::cargo(["build", "--locked", "--package", "siegel-cli", "--target", WINDOWS]))?;
    let bytes = std::fs::metadata(exe()).context("siegel.exe was built, and is not where it should be")?.len();
    Ok(format!("siegel.exe, {} MB", bytes / 1_000_000))
}

fn exe() -> PathBuf {
    tree::target().join(WINDOWS).join("debug").join("siegel.exe")
}

/// `cargo xtask windows-smoke`: `infra/wine/smoke.sh` with everything it needs.
pub(crate) fn smoke() -> Result<()> {
    build_visibly()?;
    let mut work = Work::new("windows-smoke")?;
    if machine::which("wine64").is_none() && !std::path::Path::new(WINE).is_file() {
        if !machine::may_apt() {
            bail!("Wine is needed: apt-get install wine64");
        }
        println!("installing wine64 …");
        machine::apt(&mut work, &["wine64"])?;
    }
    let wine = machine::which("wine64").unwrap_or_else(|| WINE.into());
    work.run(&mut tree::cargo([
        "build",
        "--locked",
        "--bins",
        "--package",
        "siegel-server",
        "--package",
        "siegel-admin",
        "--package",
        "siegel-cli",
    ]))?;
    let beside = exe().with_file_name("bcryptprimitives.dll");
    work.run(
        tree::program(MINGW)
            .args(["-shared", "-O1", "-o"])
            .arg(&beside)
            .args(["infra/wine/bcryptprimitives.c", "-ladvapi32"]),
    )?;
    let status = Command::new("bash")
        .arg("infra/wine/smoke.sh")
        .current_dir(tree::root())
        .env("SIEGEL_BIN", tree::target().join("debug"))
        .env("SIEGEL_EXE", exe())
        .env("WINE", wine)
        .status()
        .context("start infra/wine/smoke.sh")?;
    if !status.success() {
        bail!("the smoke test ended with {status}");
    }
    Ok(())
}
