//! `siegel enrol CODE`: makes a profile from an enrolment code.

use serde_json::json;
use siegel_client::profile::ProfileDir;
use siegel_client::{Enrolment, Error};
use siegel_envelope::{CodeKind, Fingerprint};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};
use crate::os::is_profile_name;
use crate::ui::date;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    code: Option<String>,
    #[arg(long, conflicts_with = "code")]
    code_stdin: bool,
    #[arg(long)]
    name: Option<String>,
    #[arg(long, conflicts_with = "code_stdin")]
    password_stdin: bool,
    #[arg(long, short = 'y')]
    yes: bool,
    #[arg(long, value_name = "DIGITS")]
    expect_fingerprint: Option<String>,
}

impl Args {
    pub(crate) async fn run(mut self, ctx: &Ctx) -> Result<()> {
        let code = match self.code.take() {
            Some(code) => Zeroizing::new(code),
            None => ctx.ui.secret("enrol-code-prompt", self.code_stdin)?,
        };
        let enrolment = Enrolment::begin(&code, ctx.config.ca_file.clone(), None).await?;
        let name = profile_name(ctx, &enrolment)?;
        let dir = ctx.paths.profile(&name);
        if dir.exists() {
            return Err(Failure::own(Exit::Conflict, "enrol-profile-exists").with("name", name));
        }
        self.introduce(ctx, &enrolment)?;
        let kind = enrolment.kind();
        self.enrol(ctx, enrolment, &dir).await?;
        if ctx.config.profile.is_none() && ctx.paths.profiles().len() == 1 {
            Config::set_profile(&ctx.paths, &name)?;
        }
        report(ctx, &name, &dir, kind)
    }

    /// Shows whom the code belongs to, and has the fingerprint compared.
    fn introduce(&self, ctx: &Ctx, enrolment: &Enrolment) -> Result<()> {
        let ui = &ctx.ui;
        ui.note("enrol-at", &[("url", &enrolment.url())]);
        if let Some(tenant) = enrolment.tenant() {
            let role = ui.text(&format!("role-{}", enrolment.role().as_str()), &[]);
            ui.note("enrol-tenant", &[("name", &tenant.display_name), ("role", &role)]);
        }
        ui.note("enrol-expires", &[("when", &date(ui.lang, enrolment.expires_ms()))]);
        let Some(fingerprint) = enrolment.fingerprint() else { return Ok(()) };
        if let Some(expected) = &self.expect_fingerprint {
            return match same(expected, fingerprint) {
                true => Ok(()),
                false => Err(Failure::own(Exit::Untrusted, "enrol-fingerprint-differs").with("seen", fingerprint)),
            };
        }
        ui.note("enrol-fingerprint", &[("fingerprint", &fingerprint)]);
        match ui.confirm("enrol-fingerprint-ask", &[], self.yes)? {
            true => Ok(()),
            false => Err(Failure::own(Exit::Untrusted, "enrol-fingerprint-refused")),
        }
    }

    async fn enrol(&self, ctx: &Ctx, enrolment: Enrolment, dir: &ProfileDir) -> Result<()> {
        match enrolment.kind() {
            CodeKind::Sender => Ok(enrolment.sender(dir).await?),
            CodeKind::Dealer => Ok(enrolment.dealer(dir).await?),
            kind @ (CodeKind::Owner | CodeKind::Member) => {
                let login = self.name.as_deref().ok_or_else(|| Failure::usage("enrol-needs-name"))?;
                let password = ctx.ui.new_password(login, self.password_stdin)?;
                ctx.ui.note("enrol-working", &[]);
                match kind {
                    CodeKind::Owner => Ok(enrolment.owner(dir, login, &password).await?),
                    _ => Ok(enrolment.member(dir, login, &password).await?),
                }
            }
        }
    }
}

/// What was asked for, else the centre's handle, else the role.
fn profile_name(ctx: &Ctx, enrolment: &Enrolment) -> Result<String> {
    if let Some(name) = ctx.asked_profile() {
        return Ok(name.to_owned());
    }
    let handle = enrolment.tenant().map_or("dealer", |tenant| tenant.handle.as_str());
    match is_profile_name(handle) {
        true => Ok(handle.to_owned()),
        false => Err(Failure::from(Error::WrongRole("the centre's handle can't name a profile; say --profile"))),
    }
}

/// Digits alone count: people write groups as they like.
fn same(text: &str, fingerprint: Fingerprint) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    text.trim() == fingerprint.to_hex() || (!text.is_empty() && digits(text) == digits(&fingerprint.to_string()))
}

fn report(ctx: &Ctx, name: &str, dir: &ProfileDir, kind: CodeKind) -> Result<()> {
    let profile = dir.load()?;
    let ui = &ctx.ui;
    ui.say("enrol-done", &[("name", &name), ("path", &dir.path().display())]);
    let next = match kind {
        CodeKind::Owner => "enrol-next-owner",
        CodeKind::Member => "enrol-next-member",
        CodeKind::Sender => "enrol-next-sender",
        CodeKind::Dealer => "enrol-next-dealer",
    };
    ui.say(next, &[("name", &name)]);
    if let (CodeKind::Owner, Some(tenant)) = (kind, &profile.tenant) {
        ui.say("enrol-owner-fingerprint", &[("fingerprint", &tenant.root)]);
    }
    ui.json(&json!({
        "profile": name, "path": dir.path(), "principal": profile.principal, "role": profile.role,
        "device": profile.device, "tenant": profile.tenant.as_ref().map(|tenant| tenant.id),
        "login": profile.person.as_ref().map(|person| &person.login),
        "fingerprint": profile.tenant.as_ref().map(|tenant| tenant.root.to_string()),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_compare_by_their_digits() {
        let fingerprint = Fingerprint::from_bytes([7; 32]);
        let shown = fingerprint.to_string();
        assert!(same(&shown, fingerprint));
        assert!(same(&shown.replace(' ', "-"), fingerprint));
        assert!(same(&format!(" {} ", fingerprint.to_hex()), fingerprint));
        for bad in ["", " ", &shown[1..], &shown.replace('1', "2"), &"0".repeat(40)] {
            assert!(!same(bad, fingerprint), "{bad}");
        }
    }
}
