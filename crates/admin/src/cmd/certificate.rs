//! `siegel-admin certificate`: certificates of the platform's own CA as files, for what reads no secrets.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::json;
use siegel_platform::clock::SystemClock;
use siegel_platform::files::{self, Visibility};
use siegel_platform::tls::FrontCertificate;

use crate::args::{Args, Certificate};
use crate::place::Place;
use crate::words::moment;

/// Does what was asked for.
pub async fn run(out: &mut impl Write, args: &Args, place: &Place, command: &Certificate) -> Result<ExitCode> {
    let Certificate::Front { names, out: file } = command;
    let beside = place.open().await?;
    let made = FrontCertificate::load_or_make(&beside.secrets, names, &SystemClock::new()).await;
    beside.close().await;
    let made = made?;
    let changed = write(file, made.pem.as_bytes())?;
    if args.json {
        let shown = json!({ "file": file, "expires_ms": made.expires.0, "changed": changed });
        writeln!(out, "{shown}")?;
    } else {
        let what = if changed { "written: reload the front" } else { "as it was" };
        writeln!(out, "{} is {what}; its certificate ends {}", file.display(), moment(made.expires))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether it was another one before; one that is the same is left alone, so that its time says when it changed.
fn write(file: &Path, pem: &[u8]) -> Result<bool> {
    if std::fs::read(file).is_ok_and(|there| there == pem) {
        return Ok(false);
    }
    files::replace(file, pem, Visibility::Private).with_context(|| format!("write {}", file.display()))?;
    Ok(true)
}
