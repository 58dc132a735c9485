//! `siegel profile`: the centres that this machine is enrolled at.

use serde_json::json;

use crate::agent::Agent;
use crate::config::Config;
use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};
use crate::ui::Table;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List,
    Use {
        name: String,
    },
    Remove {
        name: String,
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        match self.command {
            Command::List => list(ctx),
            Command::Use { name } => select(ctx, &name),
            Command::Remove { name, yes } => remove(ctx, &name, yes).await,
        }
    }
}

fn list(ctx: &Ctx) -> Result<()> {
    let current = ctx.profile_name().ok();
    let mut table = Table::new(&ctx.ui, &["head-default", "head-name", "head-role", "head-tenant", "head-url"]);
    let mut items = Vec::new();
    for name in ctx.paths.profiles() {
        let profile = ctx.paths.profile(&name).load()?;
        let is_current = current.as_deref() == Some(&name);
        let tenant = profile.tenant.as_ref().map(|tenant| tenant.name.clone()).unwrap_or_default();
        let role = ctx.ui.text(&format!("role-{}", profile.role.as_str()), &[]);
        let mark = if is_current { "*" } else { "" };
        table.row([mark.to_owned(), name.clone(), role, tenant.clone(), profile.url.clone()]);
        items.push(json!({
            "name": name, "default": is_current, "role": profile.role, "tenant_name": tenant, "url": profile.url,
        }));
    }
    table.print(&ctx.ui, "profile-none");
    ctx.ui.json(&items);
    Ok(())
}

fn existing(ctx: &Ctx, name: &str) -> Result<()> {
    match ctx.paths.profiles().iter().any(|known| known == name) {
        true => Ok(()),
        false => Err(Failure::own(Exit::NotFound, "profile-missing").with("name", name)),
    }
}

fn select(ctx: &Ctx, name: &str) -> Result<()> {
    existing(ctx, name)?;
    Config::set_profile(&ctx.paths, name)?;
    ctx.ui.say("profile-selected", &[("name", &name)]);
    ctx.ui.json(&json!({ "profile": name }));
    Ok(())
}

async fn remove(ctx: &Ctx, name: &str, yes: bool) -> Result<()> {
    existing(ctx, name)?;
    if !ctx.ui.confirm("profile-remove-ask", &[("name", &name)], yes)? {
        return Err(Failure::own(Exit::Refused, "not-confirmed-by-user"));
    }
    let dir = ctx.paths.profile(name);
    Agent::of(&dir).end().await;
    dir.delete()?;
    ctx.ui.say("profile-removed", &[("name", &name)]);
    ctx.ui.json(&json!({ "removed": name }));
    Ok(())
}
