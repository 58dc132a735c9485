//! `siegel member`: the people of this centre (R05).

use serde_json::json;
use siegel_client::NamedMember;
use siegel_domain::{MemberId, Role};

use super::newcomer::{hand_over, standing};
use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};
use crate::ui::{Table, date};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List,
    Invite {
        name: String,
        #[arg(long)]
        owner: bool,
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=720))]
        hours: Option<u32>,
    },
    Confirm {
        member: MemberId,
    },
    Remove {
        member: MemberId,
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        match self.command {
            Command::List => list(ctx).await,
            Command::Invite { name, owner, hours } => {
                invite(ctx, &name, if owner { Role::Owner } else { Role::Member }, hours).await
            }
            Command::Confirm { member } => {
                ctx.session(async |session, _| {
                    session.confirm_member(member).await?;
                    ctx.ui.say("member-confirmed", &[("id", &member)]);
                    ctx.ui.json(&json!({ "confirmed": [member] }));
                    Ok(())
                })
                .await
            }
            Command::Remove { member, yes } => remove(ctx, member, yes).await,
        }
    }
}

async fn list(ctx: &Ctx) -> Result<()> {
    ctx.session(async |session, profile| {
        let ui = &ctx.ui;
        let mut table = Table::new(ui, &["head-name", "head-role", "head-state", "head-id", "head-since"]);
        let mut items = Vec::new();
        for member in session.members().await? {
            let me = profile.principal == member.item.id.into();
            let name = if me { ui.text("name-you", &[("name", &name_of(&member))]) } else { name_of(&member) };
            table.row([
                name,
                ui.text(&format!("role-{}", member.item.role.as_str()), &[]),
                standing(ui, member.item.standing, member.in_roster),
                member.item.id.to_string(),
                date(ui.lang, member.item.created_ms),
            ]);
            items.push(json!({
                "member": member.item.id, "name": member.name.as_ref().map(|name| name.as_str()), "you": me,
                "role": member.item.role, "standing": member.item.standing, "in_roster": member.in_roster,
                "created_ms": member.item.created_ms,
            }));
        }
        table.print(ui, "member-none");
        ui.json(&items);
        Ok(())
    })
    .await
}

async fn invite(ctx: &Ctx, name: &str, role: Role, hours: Option<u32>) -> Result<()> {
    ctx.session(async |session, profile| {
        let invitation = session.invite_member(name, role, hours).await?;
        let tenant = profile.tenant()?;
        hand_over(ctx, &invitation, name);
        ctx.ui.say("sender-compare", &[("fingerprint", &tenant.root)]);
        ctx.ui.say("member-then-confirm", &[("id", &invitation.principal)]);
        ctx.ui.json(&json!({
            "member": invitation.principal, "name": name, "role": role, "code": invitation.code.as_str(),
            "expires_ms": invitation.expires_ms, "fingerprint": tenant.root.to_string(),
        }));
        Ok(())
    })
    .await
}

async fn remove(ctx: &Ctx, id: MemberId, yes: bool) -> Result<()> {
    ctx.session(async |session, _| {
        let known = session.members().await?.into_iter().find(|member| member.item.id == id);
        let member = known.ok_or_else(|| Failure::own(Exit::NotFound, "member-unknown"))?;
        if !ctx.ui.confirm("member-remove-ask", &[("name", &name_of(&member))], yes)? {
            return Err(Failure::own(Exit::Refused, "not-confirmed-by-user"));
        }
        session.remove_member(id).await?;
        ctx.ui.say("member-removed", &[("name", &name_of(&member))]);
        ctx.ui.json(&json!({ "removed": id }));
        Ok(())
    })
    .await
}

fn name_of(member: &NamedMember) -> String {
    member.name.as_ref().map_or_else(|| member.item.id.to_string(), |name| name.to_string())
}
