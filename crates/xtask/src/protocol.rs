//! What services say to each other may grow and never change: during an upgrade old and new processes run side by side, and
//! events lie in outboxes for as long as their readers need. `buf` holds `proto/` against a picture of it that is committed.
//!
//! The picture is that of the last commit: what only adds is drawn anew by `cargo xtask protocol`, so that the next change
//! is held against it. A change that breaks is refused there as well, unless somebody says `--break`, which a review sees.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::needs::{self, Need};
use crate::work::Work;
use crate::{machine, tools, tree};

const VERSION: &str = "1.75.0";
/// buf's wheel, with hashes.
const WHEEL: &str = "crates/xtask/buf.txt";
const FILES: &str = "proto";
const PICTURE: &str = "proto/baseline.binpb";

fn buf() -> Result<Command> {
    let mut buf = tree::program(home()?.join("bin/buf"));
    buf.env("BUF_CACHE_DIR", tree::target().join("xtask").join("buf"));
    Ok(buf)
}

pub(crate) fn found() -> bool {
    buf().is_ok_and(|mut buf| machine::says(buf.arg("--version")).is_some_and(|said| said == VERSION))
}

pub(crate) fn install(work: &mut Work) -> Result<()> {
    tools::make_venv(work, &home()?, WHEEL)
}

fn home() -> Result<PathBuf> {
    machine::cache(&format!("buf-{VERSION}"))
}

/// The stage.
pub(crate) fn check(work: &mut Work) -> Result<String> {
    work.run(buf()?.args(["lint", FILES]))?;
    unbroken(work)?;
    let (_, drawn) = draw(work)?;
    if std::fs::read(tree::root().join(PICTURE))? != drawn {
        bail!("proto/ has grown beyond {PICTURE}; cargo xtask protocol draws it anew");
    }
    Ok(String::new())
}

/// `cargo xtask protocol`: today's files are what the next ones are held against.
pub(crate) fn accept(breaking: bool) -> Result<()> {
    needs::provide("protocol", &[Need::Buf])?;
    let mut work = Work::new("protocol")?;
    if !breaking {
        let log = work.path().display().to_string();
        unbroken(&mut work).with_context(|| {
            format!("see {log}; --break takes it all the same, and every process has to be stopped for that upgrade")
        })?;
    }
    let (file, _) = draw(&mut work)?;
    std::fs::copy(file, tree::root().join(PICTURE)).with_context(|| format!("write {PICTURE}"))?;
    println!("{PICTURE} shows proto/ as it is now");
    Ok(())
}

fn unbroken(work: &mut Work) -> Result<()> {
    work.run(buf()?.args(["breaking", FILES, "--against", PICTURE]))
}

/// Without comments and places: those may change.
fn draw(work: &mut Work) -> Result<(PathBuf, Vec<u8>)> {
    let file = tree::target().join("xtask").join("proto.binpb");
    work.run(buf()?.args(["build", FILES, "--exclude-source-info", "--output"]).arg(&file))?;
    let drawn = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    Ok((file, drawn))
}
