//! The client for Windows: senders are Windows PCs. Built here by cross-compiling, tried here under Wine.
//!
//! Debian 12's Wine 8 lacks one function that Rust's standard library imports; `infra/wine/bcryptprimitives.c` says
//! which and stands in for it. It lies beside siegel.exe for the smoke test only and is never shipped.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::needs::{self, MINGW, WINDOWS};
use crate::tree;
use crate::work::Work;

/// A second build of all dependencies, of which nobody asks but that it links and starts.
const QUICKLY: &str = r#"profile.dev.package."*".opt-level=0"#;

/// siegel.exe builds and links.
pub(crate) fn build(work: &mut Work) -> Result<String> {
    let mut cargo = tree::cargo(["build", "--locked", "--package", "siegel-cli", "--target", WINDOWS]);
    work.run(cargo.args(["--config", QUICKLY]))?;
    let bytes = std::fs::metadata(exe()).context("siegel.exe was built, and is not where it should be")?.len();
    Ok(format!("{}, {} MB", exe().display(), bytes / 1_000_000))
}

fn exe() -> PathBuf {
    tree::target().join(WINDOWS).join("debug").join("siegel.exe")
}

/// siegel.exe enrols, uploads and downloads against a server started here: `infra/wine/smoke.sh` with what it needs.
pub(crate) fn smoke(work: &mut Work) -> Result<String> {
    build(work)?;
    work.run(&mut tree::cargo(["build", "--workspace", "--locked"]))?;
    let beside = exe().with_file_name("bcryptprimitives.dll");
    let mut compile = tree::program(MINGW);
    compile.args(["-shared", "-O1", "-o"]).arg(&beside).args(["infra/wine/bcryptprimitives.c", "-ladvapi32"]);
    work.run(&mut compile)?;
    let mut smoke = tree::program("bash");
    smoke.arg("infra/wine/smoke.sh").env("SIEGEL_BIN", tree::target().join("debug"));
    smoke.env("SIEGEL_EXE", exe()).env("WINE", needs::wine().context("wine64 is not there")?);
    work.run(&mut smoke)?;
    Ok("enrol, put and get".into())
}
