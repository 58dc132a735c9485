//! `siegel-admin doctor`: looks at everything an installation stands on and says what to do about what is not right. It
//! changes nothing (a file it writes to try a zone out is removed at once).

mod certificates;
mod databases;
mod files;
mod network;
#[cfg(feature = "real")]
pub(crate) mod parts;
mod time;
mod zones;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;
#[cfg(feature = "real")]
use siegel_platform::host::PartsChoice;

use crate::args::Args;
use crate::place::Place;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warn,
    /// It does not work, or soon will not.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What: a stable word.
    pub check: &'static str,
    /// How it is.
    pub health: Health,
    /// What was seen.
    pub seen: String,
    /// What to do; empty if nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next: String,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, health: Health::Ok, seen: seen.into(), next: String::new() }
    }

    /// It could be better.
    pub fn warn(check: &'static str, seen: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, health: Health::Warn, seen: seen.into(), next: next.into() }
    }

    /// It does not work.
    pub fn fail(check: &'static str, seen: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, health: Health::Fail, seen: seen.into(), next: next.into() }
    }
}

/// Everything that can be looked at. Without a state directory there is nothing else, unless a file names the parts.
pub async fn examine(place: &Place, full: bool) -> Vec<Finding> {
    #[cfg(feature = "real")]
    if let PartsChoice::File(file) = &place.config.parts {
        let mut found = files::beside_parts(place);
        if place.require_started().is_ok() {
            found.extend(files::free_space(place));
            found.extend(time::check(place));
            found.extend(network::check(place));
        }
        found.extend(Box::pin(parts::check(file, full)).await);
        return found;
    }
    let mut found = files::state_dir(place);
    if found.iter().any(|finding| finding.health == Health::Fail) {
        return found;
    }
    found.extend(files::free_space(place));
    let secrets = files::secrets(place, &mut found);
    found.extend(databases::check(place, full).await);
    found.extend(zones::check(place));
    found.extend(time::check(place));
    if let Some(secrets) = &secrets {
        found.extend(certificates::check(place, secrets).await);
    }
    found.extend(network::check(place));
    found
}

#[derive(Serialize)]
struct Report<'a> {
    health: Health,
    findings: &'a [Finding],
}

/// Looks, and says what was found.
pub async fn run(out: &mut impl Write, args: &Args, place: &Place, full: bool) -> Result<ExitCode> {
    let findings = examine(place, full).await;
    let worst = findings.iter().map(|finding| finding.health).max().unwrap_or(Health::Ok);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &Report { health: worst, findings: &findings })?;
        writeln!(out)?;
    } else {
        table(out, &findings)?;
        let sentence = match worst {
            Health::Ok => "All is well.",
            Health::Warn => "It works; see the lines marked WARN.",
            Health::Fail => "Something is wrong; see the lines marked FAIL.",
        };
        writeln!(out, "\n{sentence}")?;
    }
    Ok(if worst == Health::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn table(out: &mut impl Write, findings: &[Finding]) -> std::io::Result<()> {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    for finding in findings {
        let word = match finding.health {
            Health::Ok => "ok  ",
            Health::Warn => "WARN",
            Health::Fail => "FAIL",
        };
        writeln!(out, "{word}  {:width$}  {}", finding.check, finding.seen)?;
        if !finding.next.is_empty() {
            writeln!(out, "      {:width$}  -> {}", "", finding.next)?;
        }
    }
    Ok(())
}
