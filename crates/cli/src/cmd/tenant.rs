//! `siegel tenant`: centres, as the dealer sees them (C01, C08); `self` as a centre sees itself.

use serde_json::json;
use siegel_client::api::tenants::{Durability, Tenant};
use siegel_client::{NewTenant, Session};
use siegel_domain::TenantId;

use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};
use crate::ui::{Table, Ui, date};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List,
    Create {
        handle: String,
        name: String,
        #[arg(long, default_value = "")]
        comment: String,
        #[arg(long, default_value = "EU")]
        jurisdiction: String,
        #[arg(long)]
        strict: bool,
    },
    Show {
        tenant: String,
    },
    #[command(name = "self")]
    Own,
    Comment {
        tenant: String,
        text: String,
    },
    Code {
        tenant: String,
    },
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.session(async |session, _| match self.command {
            Command::List => list(ctx, session).await,
            Command::Create { handle, name, comment, jurisdiction, strict } => {
                let durability = if strict { Durability::Strict } else { Durability::Available };
                let new = NewTenant { handle, display_name: name, comment, jurisdiction, durability };
                create(ctx, session, new).await
            }
            Command::Show { tenant } => {
                let tenant = find(session, &tenant).await?;
                show(&ctx.ui, &tenant);
                ctx.ui.json(&tenant);
                Ok(())
            }
            Command::Own => {
                let tenant = session.own_tenant().await?;
                show(&ctx.ui, &tenant);
                ctx.ui.json(&tenant);
                Ok(())
            }
            Command::Comment { tenant, text } => {
                let id = find(session, &tenant).await?.id;
                let tenant = session.set_comment(id, &text).await?;
                ctx.ui.say("tenant-comment-set", &[]);
                ctx.ui.json(&tenant);
                Ok(())
            }
            Command::Code { tenant } => {
                let id = find(session, &tenant).await?.id;
                let (tenant, code) = session.renew_owner_code(id).await?;
                hand_over(&ctx.ui, &tenant, &code);
                ctx.ui.json(&json!({ "tenant": tenant, "code": code.as_str() }));
                Ok(())
            }
        })
        .await
    }
}

async fn list(ctx: &Ctx, session: &Session) -> Result<()> {
    let ui = &ctx.ui;
    let headings = ["head-handle", "head-name", "head-state", "head-owner", "head-comment", "head-since"];
    let mut table = Table::new(ui, &headings);
    let tenants = session.tenants().await?;
    for tenant in &tenants {
        table.row([
            tenant.handle.clone(),
            tenant.display_name.clone(),
            phase(ui, tenant),
            ui.text(if tenant.owner_enrolled { "yes" } else { "no" }, &[]),
            tenant.comment.clone(),
            date(ui.lang, tenant.created_ms),
        ]);
    }
    table.print(ui, "tenant-none");
    ui.json(&tenants);
    Ok(())
}

async fn create(ctx: &Ctx, session: &Session, new: NewTenant) -> Result<()> {
    if !siegel_domain::text::is_handle(&new.handle) {
        return Err(Failure::usage("tenant-handle-invalid"));
    }
    let (tenant, code) = session.create_tenant(new).await?;
    ctx.ui.say("tenant-created", &[("name", &tenant.display_name), ("id", &tenant.id)]);
    hand_over(&ctx.ui, &tenant, &code);
    ctx.ui.json(&json!({ "tenant": tenant, "code": code.as_str() }));
    Ok(())
}

fn hand_over(ui: &Ui, tenant: &Tenant, code: &str) {
    ui.say("tenant-code", &[("name", &tenant.display_name)]);
    if !ui.json {
        ui.line(&format!("\n  {code}\n"));
    }
    ui.say("tenant-code-how", &[("until", &date(ui.lang, tenant.owner_code_expires_ms))]);
}

/// By id or by handle.
async fn find(session: &Session, text: &str) -> Result<Tenant> {
    if let Ok(id) = text.parse::<TenantId>() {
        return Ok(session.tenant(id).await?);
    }
    let found = session.tenants().await?.into_iter().find(|tenant| tenant.handle == text);
    found.ok_or_else(|| Failure::own(Exit::NotFound, "tenant-unknown").with("tenant", text))
}

fn show(ui: &Ui, tenant: &Tenant) {
    ui.say("tenant-show-name", &[("name", &tenant.display_name), ("handle", &tenant.handle), ("id", &tenant.id)]);
    ui.say("tenant-show-state", &[("state", &phase(ui, tenant))]);
    ui.say("tenant-show-comment", &[("comment", &tenant.comment)]);
    ui.say("tenant-show-where", &[("where", &tenant.jurisdiction)]);
    let durability = match tenant.durability {
        Durability::Available => "durability-available",
        Durability::Strict => "durability-strict",
    };
    ui.say(durability, &[]);
    ui.say(if tenant.owner_enrolled { "tenant-owner-enrolled" } else { "tenant-owner-missing" }, &[]);
    for condition in tenant.conditions.iter().filter(|condition| condition.status != "True") {
        ui.say("tenant-condition", &[("kind", &condition.kind), ("message", &condition.message)]);
    }
}

fn phase(ui: &Ui, tenant: &Tenant) -> String {
    ui.lang.find(&format!("phase-{}", tenant.phase), &[]).unwrap_or_else(|| tenant.phase.clone())
}
