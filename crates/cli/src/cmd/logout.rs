//! `siegel logout`: ends the session at the platform and the agent with its keys.

use serde_json::json;
use siegel_client::Unlocked;

use crate::agent::Agent;
use crate::ctx::Ctx;
use crate::error::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        let dir = ctx.profile_dir()?;
        let agent = Agent::of(&dir);
        let keys = agent.get().await;
        // The keys are forgotten first: that must not depend on a line to anywhere.
        let ran = agent.end().await;
        let unlocked = keys.as_ref().and_then(|keys| Unlocked::from_bytes(keys));
        let told = match unlocked {
            Some(unlocked) => ctx.sign_in(&dir).unlocked(unlocked)?.sign_out().await.map(|()| true),
            None => Ok(false),
        };
        ctx.ui.say(if ran { "logout-done" } else { "logout-nothing" }, &[]);
        if let Err(error) = &told {
            ctx.ui.warn("logout-not-told", &[("why", error)]);
        }
        ctx.ui.json(&json!({ "agent_ended": ran, "platform_told": told.unwrap_or(false) }));
        Ok(())
    }
}
