//! `siegel doctor`: what stands between this machine and the platform.

use serde_json::{Value, json};
use siegel_client::doctor::{Report, examine};
use siegel_client::{Config as LineConfig, Error, TlsError, Trust, proxy_in_use};
use siegel_domain::Principal;

use crate::agent::Agent;
use crate::ctx::Ctx;
use crate::error::{Failure, Result};
use crate::ui::{Ui, bytes, duration, human_rate};

/// A clock that is off by more is refused by the platform.
const CLOCK_LIMIT_MS: i64 = 300_000;
/// … and by more than this is worth mending.
const CLOCK_HINT_MS: i64 = 5_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// One thing that was looked at.
struct Finding {
    key: &'static str,
    good: bool,
    text: String,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        let mut findings = Vec::new();
        let (config, pinned) = match &self.url {
            Some(url) => {
                let trust = ctx.config.ca_file.clone().map_or(Trust::System, Trust::File);
                (LineConfig::new(url.clone(), trust), None)
            }
            None => {
                let profile = ctx.profile_dir()?.load()?;
                local(ctx, &mut findings).await?;
                (profile.config(), Some(profile.statement_key))
            }
        };
        let ui = &ctx.ui;
        let url = config.url.clone();
        findings.push(proxy(ui));
        let outcome = examine(config).await;
        match &outcome {
            Ok(report) => line(ui, &url, report, pinned.as_ref(), &mut findings),
            Err(error) => findings.push(broken(ui, error)),
        }
        for finding in &findings {
            let mark = if finding.good { "doctor-good" } else { "doctor-bad" };
            ui.say(mark, &[("text", &finding.text)]);
        }
        ui.json(&findings.iter().map(value).collect::<Vec<_>>());
        match outcome {
            Err(error) => Err(error.into()),
            Ok(_) if findings.iter().any(|finding| !finding.good) => {
                Err(Failure::own(crate::error::Exit::Unexpected, "doctor-found-something"))
            }
            Ok(_) => Ok(()),
        }
    }
}

fn value(finding: &Finding) -> Value {
    json!({ "check": finding.key, "ok": finding.good, "text": finding.text })
}

/// Files of the profile, and whether a member's keys are unlocked.
async fn local(ctx: &Ctx, findings: &mut Vec<Finding>) -> Result<()> {
    let ui = &ctx.ui;
    let dir = ctx.profile_dir()?;
    let profile = dir.load()?;
    let keys = dir.device_keys();
    findings.push(match &keys {
        Ok(_) => Finding { key: "keys", good: true, text: ui.text("doctor-keys-good", &[]) },
        Err(error) => Finding { key: "keys", good: false, text: ui.text("doctor-keys-bad", &[("why", error)]) },
    });
    if let Principal::Member(_) = profile.principal {
        let unlocked = Agent::of(&dir).get().await.is_some();
        let key = if unlocked { "doctor-agent-runs" } else { "doctor-agent-none" };
        findings.push(Finding { key: "agent", good: true, text: ui.text(key, &[]) });
    }
    Ok(())
}

fn proxy(ui: &Ui) -> Finding {
    let text = match proxy_in_use() {
        Some(proxy) => ui.text("doctor-proxy", &[("proxy", &proxy)]),
        None => ui.text("doctor-no-proxy", &[]),
    };
    Finding { key: "proxy", good: true, text }
}

fn line(
    ui: &Ui,
    url: &str,
    report: &Report,
    pinned: Option<&siegel_envelope::SigningPublicKey>,
    findings: &mut Vec<Finding>,
) {
    let mut push = |key, good, text| findings.push(Finding { key, good, text });
    let trip = duration_ms(ui, report.round_trip);
    push(
        "reach",
        true,
        ui.text("doctor-reached", &[("url", &url), ("version", &report.info.version), ("trip", &trip)]),
    );
    push("tls", true, ui.text("doctor-tls-good", &[]));
    let own = report.info.public_url.trim_end_matches('/') == url.trim_end_matches('/');
    if !own {
        push("url", false, ui.text("doctor-other-url", &[("url", &report.info.public_url)]));
    }
    let skew = report.clock_skew_ms;
    let shown = duration(ui.lang, std::time::Duration::from_millis(skew.unsigned_abs()));
    let key = match skew.abs() {
        off if off <= CLOCK_HINT_MS => "doctor-clock-good",
        off if off <= CLOCK_LIMIT_MS => "doctor-clock-hint",
        _ => "doctor-clock-bad",
    };
    push("clock", skew.abs() <= CLOCK_LIMIT_MS, ui.text(key, &[("skew", &shown)]));
    if let Some(pinned) = pinned {
        let same = report.info.statement_key.array() == Some(*pinned.as_bytes());
        let key = if same { "doctor-statement-good" } else { "doctor-statement-bad" };
        push("statement-key", same, ui.text(key, &[]));
    }
    if let Some((size, took)) = report.download {
        let (size_text, rate) = (bytes(ui.lang, size), human_rate(ui.lang, size, took));
        push("rate", true, ui.text("doctor-rate", &[("rate", &rate), ("size", &size_text)]));
    }
}

fn duration_ms(ui: &Ui, took: std::time::Duration) -> String {
    if took.as_millis() < 1000 { format!("{} ms", took.as_millis()) } else { duration(ui.lang, took) }
}

fn broken(ui: &Ui, error: &Error) -> Finding {
    match error {
        Error::Tls(TlsError::NotPinned { issuer, .. }) => {
            let issuer = issuer.clone().unwrap_or_else(|| "?".to_owned());
            Finding { key: "tls", good: false, text: ui.text("doctor-intercepted", &[("issuer", &issuer)]) }
        }
        Error::Tls(_) => Finding { key: "tls", good: false, text: ui.text("doctor-tls-bad", &[("why", error)]) },
        other => Finding { key: "reach", good: false, text: ui.text("doctor-not-reached", &[("why", other)]) },
    }
}
