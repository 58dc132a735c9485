//! `siegel device`: registered machines (R06), and what to do when one is lost.

use serde_json::json;
use siegel_domain::{DeviceId, Principal};

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
    List {
        #[arg(long, value_name = "ID")]
        of: Option<Principal>,
    },
    Revoke {
        device: DeviceId,
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        match self.command {
            Command::List { of } => list(ctx, of).await,
            Command::Revoke { device, yes } => revoke(ctx, device, yes).await,
        }
    }
}

async fn list(ctx: &Ctx, of: Option<Principal>) -> Result<()> {
    ctx.session(async |session, _| {
        let ui = &ctx.ui;
        let mut table = Table::new(ui, &["head-device", "head-state", "head-key", "head-since", "head-last"]);
        let devices = session.devices(of).await?;
        for device in &devices {
            let state = match (device.revoked, device.current) {
                (true, _) => "device-revoked-state",
                (false, true) => "device-this",
                (false, false) => "device-active",
            };
            let key = siegel_envelope::Fingerprint::from_slice(&device.sign_key_fingerprint);
            let key = key.map(|key| key.to_string().chars().take(17).collect::<String>() + " …").unwrap_or_default();
            table.row([
                device.id.to_string(),
                ui.text(state, &[]),
                key,
                date(ui.lang, device.created_ms),
                device.last_seen_day_ms.map(|ms| date(ui.lang, ms)).unwrap_or_default(),
            ]);
        }
        table.print(ui, "device-none");
        ui.json(&devices);
        Ok(())
    })
    .await
}

async fn revoke(ctx: &Ctx, device: DeviceId, yes: bool) -> Result<()> {
    if !ctx.ui.confirm("device-revoke-ask", &[("id", &device)], yes)? {
        return Err(Failure::own(Exit::Refused, "not-confirmed-by-user"));
    }
    ctx.session(async |session, _| {
        session.revoke_device(device).await?;
        ctx.ui.say("device-revoked", &[("id", &device)]);
        ctx.ui.json(&json!({ "revoked": device }));
        Ok(())
    })
    .await
}
