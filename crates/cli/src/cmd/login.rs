//! `siegel login`: unlocks a member's keys and hands them to the agent.

use serde_json::json;
use siegel_domain::Principal;

use crate::agent;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::ui::duration;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    password_stdin: bool,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        let ui = &ctx.ui;
        let dir = ctx.profile_dir()?;
        let profile = dir.load()?;
        if !matches!(profile.principal, Principal::Member(_)) {
            ui.say("login-not-needed", &[]);
            ui.json(&json!({ "signed_in": true, "agent": false }));
            return Ok(());
        }
        if let Some(person) = &profile.person {
            ui.note("login-as", &[("login", &person.login)]);
        }
        let password = ui.secret("password-prompt", self.password_stdin)?;
        let session = ctx.sign_in(&dir).password(&password).await?;
        let confirmed = session.who().await?.confirmed;
        let idle = ctx.agent_idle();
        let keys = session.keys().unwrap_or_default();
        agent::start(&dir, &keys, idle).await?;
        ui.say("login-done", &[("idle", &duration(ui.lang, idle))]);
        if !confirmed {
            ui.say("login-not-confirmed", &[]);
        }
        ui.json(&json!({ "signed_in": true, "agent": true, "confirmed": confirmed, "idle_s": idle.as_secs() }));
        Ok(())
    }
}
