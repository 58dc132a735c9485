//! `siegel sender`: the outside parties that send to this centre (C02).

use serde_json::json;
use siegel_client::NamedSender;
use siegel_client::api::members::{ReturnReport, Standing};
use siegel_domain::SenderId;

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
    Add {
        name: String,
        #[arg(long, value_enum, default_value_t = Wish::Ask)]
        return_report: Wish,
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=720))]
        hours: Option<u32>,
    },
    Confirm {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        sender: Option<SenderId>,
        #[arg(long)]
        all: bool,
    },
    Set {
        sender: SenderId,
        #[arg(long, value_enum)]
        return_report: Wish,
    },
    Remove {
        sender: SenderId,
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Wish {
    Always,
    Never,
    Ask,
}

impl From<Wish> for ReturnReport {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::Always => Self::Always,
            Wish::Never => Self::Never,
            Wish::Ask => Self::Ask,
        }
    }
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        match self.command {
            Command::List => list(ctx).await,
            Command::Add { name, return_report, hours } => add(ctx, &name, return_report, hours).await,
            Command::Confirm { sender, .. } => confirm(ctx, sender).await,
            Command::Set { sender, return_report } => {
                ctx.session(async |session, _| {
                    session.set_return_report(sender, return_report.into()).await?;
                    ctx.ui.say("sender-set", &[]);
                    ctx.ui.json(&json!({ "sender": sender, "return_report": ReturnReport::from(return_report) }));
                    Ok(())
                })
                .await
            }
            Command::Remove { sender, yes } => remove(ctx, sender, yes).await,
        }
    }
}

async fn list(ctx: &Ctx) -> Result<()> {
    ctx.session(async |session, _| {
        let ui = &ctx.ui;
        let headings = ["head-name", "head-state", "head-return-report", "head-id", "head-since"];
        let mut table = Table::new(ui, &headings);
        let mut items = Vec::new();
        for sender in session.senders().await? {
            let name = name_of(&sender);
            table.row([
                name.clone(),
                standing(ui, sender.item.standing, sender.in_roster),
                ui.text(&format!("return-report-{}", word(sender.item.return_report)), &[]),
                sender.item.id.to_string(),
                date(ui.lang, sender.item.created_ms),
            ]);
            items.push(json!({
                "sender": sender.item.id, "name": name, "standing": sender.item.standing,
                "in_roster": sender.in_roster, "return_report": sender.item.return_report,
                "created_ms": sender.item.created_ms,
            }));
        }
        table.print(ui, "sender-none");
        ui.json(&items);
        Ok(())
    })
    .await
}

async fn add(ctx: &Ctx, name: &str, wish: Wish, hours: Option<u32>) -> Result<()> {
    ctx.session(async |session, profile| {
        let invitation = session.invite_sender(name, wish.into(), hours).await?;
        let tenant = profile.tenant()?;
        hand_over(ctx, &invitation, name);
        ctx.ui.say("sender-compare", &[("fingerprint", &tenant.root)]);
        ctx.ui.say("sender-then-confirm", &[("id", &invitation.principal)]);
        ctx.ui.json(&json!({
            "sender": invitation.principal, "name": name, "code": invitation.code.as_str(),
            "expires_ms": invitation.expires_ms, "fingerprint": tenant.root.to_string(),
        }));
        Ok(())
    })
    .await
}

async fn confirm(ctx: &Ctx, sender: Option<SenderId>) -> Result<()> {
    ctx.session(async |session, _| {
        let all = session.senders().await?;
        let wanted = |known: &NamedSender| match sender {
            Some(id) => known.item.id == id,
            None => known.item.standing == Standing::Pending,
        };
        let pending: Vec<_> = all.into_iter().filter(wanted).collect();
        if pending.is_empty() && sender.is_some() {
            return Err(Failure::own(Exit::NotFound, "sender-unknown"));
        }
        let mut confirmed = Vec::new();
        for sender in pending {
            session.confirm_sender(sender.item.id).await?;
            ctx.ui.say("sender-confirmed", &[("name", &name_of(&sender)), ("id", &sender.item.id)]);
            confirmed.push(sender.item.id);
        }
        if confirmed.is_empty() {
            ctx.ui.say("nothing-to-confirm", &[]);
        }
        ctx.ui.json(&json!({ "confirmed": confirmed }));
        Ok(())
    })
    .await
}

async fn remove(ctx: &Ctx, id: SenderId, yes: bool) -> Result<()> {
    ctx.session(async |session, _| {
        let (sender, _) = session.sender(id).await?;
        if !ctx.ui.confirm("sender-remove-ask", &[("name", &name_of(&sender))], yes)? {
            return Err(Failure::own(Exit::Refused, "not-confirmed-by-user"));
        }
        session.remove_sender(id).await?;
        ctx.ui.say("sender-removed", &[("name", &name_of(&sender))]);
        ctx.ui.json(&json!({ "removed": id }));
        Ok(())
    })
    .await
}

fn name_of(sender: &NamedSender) -> String {
    sender.name.as_ref().map_or_else(|| sender.item.id.to_string(), |name| name.to_string())
}

const fn word(wish: ReturnReport) -> &'static str {
    match wish {
        ReturnReport::Always => "always",
        ReturnReport::Never => "never",
        ReturnReport::Ask => "ask",
    }
}
