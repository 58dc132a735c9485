//! `siegel key`: fingerprints to compare, the verified list of who belongs, and a new key for the centre.

use serde_json::json;
use siegel_domain::Party;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::names::Names;
use crate::ui::{Table, date};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Show {
        #[arg(value_name = "ID")]
        party: Option<Party>,
    },
    Roster,
    Rotate {
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        match self.command {
            Command::Show { party } => show(ctx, party).await,
            Command::Roster => roster(ctx).await,
            Command::Rotate { yes } => rotate(ctx, yes).await,
        }
    }
}

async fn show(ctx: &Ctx, party: Option<Party>) -> Result<()> {
    ctx.session(async |session, profile| {
        let ui = &ctx.ui;
        let tenant = profile.tenant()?;
        let directory = session.directory().await?;
        let party = party.unwrap_or(Party::Tenant(tenant.id));
        let recipient = session.recipient(party).await?;
        let key = recipient.key.fingerprint();
        ui.say("key-root", &[("name", &tenant.name), ("fingerprint", &tenant.root)]);
        ui.say("key-party", &[("party", &party), ("fingerprint", &key)]);
        if let Some(epoch) = directory.epoch() {
            ui.say("key-epoch", &[("number", &epoch.number), ("when", &date(ui.lang, epoch.time.0))]);
        }
        let device = session.dir().device_keys()?.sign.fingerprint();
        ui.say("key-device", &[("fingerprint", &device)]);
        ui.json(&json!({
            "tenant": tenant.id, "root": tenant.root.to_string(), "root_hex": tenant.root.to_hex(), "party": party,
            "key": key.to_string(), "key_hex": key.to_hex(), "epoch": directory.epoch().map(|epoch| epoch.number),
            "device_key": device.to_string(),
        }));
        Ok(())
    })
    .await
}

async fn roster(ctx: &Ctx) -> Result<()> {
    ctx.session(async |session, _| {
        let ui = &ctx.ui;
        let directory = session.refresh_directory().await?;
        let names = Names::load(session).await?;
        let roster = directory.roster();
        let mut table = Table::new(ui, &["head-name", "head-role", "head-id", "head-device", "head-key"]);
        let mut items = Vec::new();
        for (id, member) in roster.members() {
            for device in member.devices.values() {
                let role = ui.text(&format!("role-{}", member.role.as_str()), &[]);
                let key = device.sign.fingerprint();
                let name = names.of((*id).into());
                items.push(json!({ "member": id, "name": name, "role": member.role, "device": device.device, "key": key.to_string() }));
                table.row([name, role, id.to_string(), device.device.to_string(), key.to_string()]);
            }
        }
        for (id, device) in roster.senders() {
            let key = device.sign.fingerprint();
            let name = names.of((*id).into());
            items.push(json!({ "sender": id, "name": name, "role": "sender", "device": device.device, "key": key.to_string() }));
            table.row([name, ui.text("role-sender", &[]), id.to_string(), device.device.to_string(), key.to_string()]);
        }
        table.print(ui, "roster-none");
        ui.note("roster-verified", &[("entries", &roster.length()), ("root", &roster.root())]);
        ui.json(&json!({
            "root": roster.root().to_string(), "head": roster.head().to_hex(), "entries": roster.length(),
            "epoch": roster.epoch().map(|epoch| epoch.number), "keys": items,
        }));
        Ok(())
    })
    .await
}

async fn rotate(ctx: &Ctx, yes: bool) -> Result<()> {
    if !ctx.ui.confirm("key-rotate-ask", &[], yes)? {
        return Err(crate::error::Failure::own(crate::error::Exit::Refused, "not-confirmed-by-user"));
    }
    ctx.session(async |session, _| {
        let number = session.rotate_epoch().await?;
        ctx.ui.say("key-rotated", &[("number", &number)]);
        ctx.ui.json(&json!({ "epoch": number }));
        Ok(())
    })
    .await
}
