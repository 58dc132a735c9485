//! `siegel receipt`: what the platform signed, kept here and verified here.

use std::path::PathBuf;

use serde_json::{Value, json};
use siegel_client::{VerifiedReceipt, verify_offline};
use siegel_domain::ReceiptId;

use crate::ctx::Ctx;
use crate::error::{Failure, Result};
use crate::ui::{Table, Ui, bytes, date};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List {
        #[arg(long)]
        remote: bool,
    },
    Show {
        receipt: ReceiptId,
    },
    Verify {
        file: PathBuf,
    },
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        match self.command {
            Command::List { remote: false } => list_kept(ctx),
            Command::List { remote: true } => list_remote(ctx).await,
            Command::Show { receipt } => show(ctx, receipt).await,
            Command::Verify { file } => {
                let bytes = std::fs::read(&file).map_err(Failure::file(&file))?;
                let receipt = verify_offline(&ctx.profile_dir()?, &bytes)?;
                describe(&ctx.ui, &receipt);
                ctx.ui.say("receipt-verified", &[]);
                ctx.ui.json(&value(&receipt));
                Ok(())
            }
        }
    }
}

fn list_kept(ctx: &Ctx) -> Result<()> {
    let dir = ctx.profile_dir()?;
    let mut table = Table::new(&ctx.ui, &["head-receipt", "head-kind", "head-record", "head-when", "head-path"]);
    let mut items = Vec::new();
    for kept in dir.receipts()? {
        let bytes = std::fs::read(&kept.path).map_err(Failure::file(&kept.path))?;
        let Ok(receipt) = verify_offline(&dir, &bytes) else {
            ctx.ui.warn("receipt-damaged", &[("path", &kept.path.display())]);
            continue;
        };
        let (kind, when) = match &receipt {
            VerifiedReceipt::Upload(receipt) => ("receipt-kind-upload", receipt.committed),
            VerifiedReceipt::Erase(receipt) => ("receipt-kind-erase", receipt.requested),
        };
        let kind = ctx.ui.text(kind, &[]);
        let when = date(ctx.ui.lang, when.0);
        table.row([kept.id.to_string(), kind, receipt.record().to_string(), when, kept.path.display().to_string()]);
        items.push(value(&receipt));
    }
    table.print(&ctx.ui, "receipt-none");
    ctx.ui.json(&items);
    Ok(())
}

async fn list_remote(ctx: &Ctx) -> Result<()> {
    ctx.session(async |session, _| {
        let mut table = Table::new(&ctx.ui, &["head-receipt", "head-kind", "head-record", "head-when"]);
        let receipts = session.receipts().await?;
        for receipt in &receipts {
            let when = date(ctx.ui.lang, receipt.created_ms);
            table.row([receipt.id.to_string(), receipt.kind.clone(), receipt.record.to_string(), when]);
        }
        table.print(&ctx.ui, "receipt-none");
        ctx.ui.json(&receipts);
        Ok(())
    })
    .await
}

async fn show(ctx: &Ctx, id: ReceiptId) -> Result<()> {
    let dir = ctx.profile_dir()?;
    let receipt = match dir.receipt(id)? {
        Some(kept) => verify_offline(&dir, &kept)?,
        None => ctx.session(async |session, _| Ok(session.receipt(id).await?)).await?,
    };
    describe(&ctx.ui, &receipt);
    ctx.ui.say("receipt-verified", &[]);
    ctx.ui.json(&value(&receipt));
    Ok(())
}

fn describe(ui: &Ui, receipt: &VerifiedReceipt) {
    match receipt {
        VerifiedReceipt::Upload(receipt) => {
            let (when, size) = (date(ui.lang, receipt.committed.0), bytes(ui.lang, receipt.sealed_bytes));
            ui.say("receipt-upload", &[("record", &receipt.record), ("when", &when), ("size", &size)]);
            for zone in &receipt.zones {
                ui.say(
                    "receipt-zone",
                    &[
                        ("zone", &zone.zone),
                        ("where", &zone.jurisdiction),
                        ("parts", &zone.parts),
                        ("of", &receipt.parts),
                    ],
                );
            }
        }
        VerifiedReceipt::Erase(receipt) => {
            let (asked, gone) = (date(ui.lang, receipt.requested.0), date(ui.lang, receipt.shred_key_gone.0));
            let horizon = date(ui.lang, receipt.horizon.0);
            ui.say("receipt-erase", &[("record", &receipt.record), ("when", &asked)]);
            ui.say("receipt-key-gone", &[("when", &gone)]);
            for object in &receipt.objects {
                let absent = date(ui.lang, object.absent.0);
                ui.say("receipt-object", &[("zone", &object.zone), ("object", &object.object), ("when", &absent)]);
            }
            ui.say("receipt-horizon", &[("when", &horizon)]);
        }
    }
}

fn value(receipt: &VerifiedReceipt) -> Value {
    match receipt {
        VerifiedReceipt::Upload(receipt) => json!({
            "receipt": receipt.receipt, "kind": "upload", "record": receipt.record,
            "manifest": receipt.manifest.to_hex(), "committed_ms": receipt.committed.0, "parts": receipt.parts,
            "sealed_bytes": receipt.sealed_bytes, "verified": true,
            "zones": receipt.zones.iter().map(|zone| json!({
                "zone": zone.zone, "jurisdiction": zone.jurisdiction, "parts": zone.parts,
            })).collect::<Vec<_>>(),
        }),
        VerifiedReceipt::Erase(receipt) => json!({
            "receipt": receipt.receipt, "kind": "erase", "record": receipt.record,
            "requested_ms": receipt.requested.0, "shred_key_gone_ms": receipt.shred_key_gone.0,
            "horizon_ms": receipt.horizon.0, "tombstone": receipt.tombstone.to_hex(), "verified": true,
            "objects": receipt.objects.iter().map(|object| json!({
                "zone": object.zone, "object": object.object, "deleted_ms": object.deleted.0,
                "absent_ms": object.absent.0,
            })).collect::<Vec<_>>(),
            "zones_given_up": receipt.zones_given_up,
        }),
    }
}
