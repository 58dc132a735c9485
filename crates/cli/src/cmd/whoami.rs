//! `siegel whoami`: who the platform takes this profile for.

use serde_json::json;
use siegel_domain::Role;

use crate::ctx::Ctx;
use crate::error::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        let name = ctx.profile_name()?;
        ctx.session(async |session, profile| {
            let who = session.who().await?;
            let ui = &ctx.ui;
            ui.say("whoami-profile", &[("name", &name), ("url", &profile.url)]);
            if let Some(tenant) = &profile.tenant {
                ui.say("whoami-tenant", &[("name", &tenant.name), ("handle", &tenant.handle)]);
            }
            let role = ui.text(&format!("role-{}", who.role.as_str()), &[]);
            ui.say("whoami-principal", &[("role", &role), ("id", &who.principal)]);
            if let Some(person) = &profile.person {
                ui.say("whoami-login", &[("login", &person.login)]);
            }
            ui.say("whoami-device", &[("id", &who.device)]);
            // A dealer belongs to no centre, so nobody there confirms it.
            if who.role != Role::Dealer {
                ui.say(if who.confirmed { "whoami-confirmed" } else { "whoami-not-confirmed" }, &[]);
            }
            ui.json(&json!({
                "profile": name, "url": profile.url, "principal": who.principal, "role": who.role,
                "device": who.device, "confirmed": who.confirmed, "tenant": who.tenant,
                "tenant_handle": profile.tenant.as_ref().map(|tenant| &tenant.handle),
                "tenant_name": profile.tenant.as_ref().map(|tenant| &tenant.name),
                "login": profile.person.as_ref().map(|person| &person.login),
            }));
            Ok(())
        })
        .await
    }
}
