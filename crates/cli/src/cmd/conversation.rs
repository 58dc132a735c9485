//! `siegel conversation`: threads of records with a second party (M04).

use serde_json::json;
use siegel_domain::{Party, Role};

use crate::ctx::Ctx;
use crate::error::{Failure, Result};
use crate::names::Names;
use crate::ui::{Table, date};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List,
    Open {
        #[arg(value_name = "ID")]
        with: Option<Party>,
        #[arg(long)]
        subject: Option<String>,
    },
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        match self.command {
            Command::List => list(ctx).await,
            Command::Open { with, subject } => open(ctx, with, subject.as_deref()).await,
        }
    }
}

async fn list(ctx: &Ctx) -> Result<()> {
    ctx.session(async |session, _| {
        let names = Names::load(session).await?;
        let headings = ["head-conversation", "head-with", "head-subject", "head-records", "head-last"];
        let mut table = Table::new(&ctx.ui, &headings);
        let mut items = Vec::new();
        for (conversation, subject) in session.conversations().await? {
            let subject = subject.map(|subject| subject.to_string());
            table.row([
                conversation.id.to_string(),
                names.of(conversation.with),
                subject.clone().unwrap_or_default(),
                conversation.records.to_string(),
                date(ctx.ui.lang, conversation.last_activity_ms),
            ]);
            items.push(json!({
                "conversation": conversation.id, "with": conversation.with, "with_name": names.of(conversation.with),
                "subject": subject, "records": conversation.records,
                "last_activity_ms": conversation.last_activity_ms,
            }));
        }
        table.print(&ctx.ui, "conversation-none");
        ctx.ui.json(&items);
        Ok(())
    })
    .await
}

async fn open(ctx: &Ctx, with: Option<Party>, subject: Option<&str>) -> Result<()> {
    ctx.session(async |session, profile| {
        let with = match (with, profile.role) {
            (Some(with), _) => with,
            (None, Role::Sender) => Party::Tenant(profile.tenant()?.id),
            (None, _) => return Err(Failure::usage("conversation-with-whom")),
        };
        let id = session.open_conversation(with, subject).await?;
        ctx.ui.say("conversation-opened", &[("id", &id)]);
        ctx.ui.json(&json!({ "conversation": id }));
        Ok(())
    })
    .await
}
