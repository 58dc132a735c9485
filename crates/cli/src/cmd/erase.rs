//! `siegel erase`: at once and for good (M06), with a receipt.

use std::time::Duration;

use serde_json::json;
use siegel_client::VerifiedReceipt;
use siegel_client::api::retention::{EraseTarget, ErasureState};
use siegel_domain::{ConversationId, RecordId};

use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};
use crate::ui::date;

/// How long the command waits for both zones; erasing goes on without it.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(required_unless_present = "conversation", conflicts_with = "conversation")]
    record: Option<RecordId>,
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    #[arg(long, short = 'y')]
    yes: bool,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        let target = match (self.record, self.conversation) {
            (Some(record), _) => EraseTarget::Record(record),
            (None, Some(conversation)) => EraseTarget::Conversation(conversation),
            (None, None) => return Err(Failure::usage("erase-nothing-named")),
        };
        let what = match &target {
            EraseTarget::Record(id) => id.to_string(),
            EraseTarget::Conversation(id) => id.to_string(),
        };
        if !ctx.ui.confirm("erase-ask", &[("what", &what)], self.yes)? {
            return Err(Failure::own(Exit::Refused, "not-confirmed-by-user"));
        }
        ctx.session(async |session, _| {
            let ui = &ctx.ui;
            let erasure = session.erase(target).await?;
            ui.note("erase-running", &[]);
            let erasure = session.await_erasure(erasure, PATIENCE).await?;
            let mut receipts = Vec::new();
            for id in &erasure.receipts {
                let receipt = session.receipt(*id).await?;
                if let VerifiedReceipt::Erase(receipt) = &receipt {
                    let (gone, horizon) = (date(ui.lang, receipt.shred_key_gone.0), date(ui.lang, receipt.horizon.0));
                    let objects = receipt.objects.len();
                    ui.say(
                        "erase-receipt",
                        &[("id", id), ("gone", &gone), ("objects", &objects), ("horizon", &horizon)],
                    );
                }
                receipts.push(id);
            }
            match erasure.state {
                ErasureState::Done => ui.say("erase-done", &[("records", &erasure.records_erased)]),
                ErasureState::Running => {
                    let waiting = erasure.waiting_for.clone().unwrap_or_default();
                    ui.say("erase-going-on", &[("job", &erasure.id), ("waiting", &waiting)]);
                }
            }
            ui.json(&json!({
                "job": erasure.id, "state": erasure.state, "records_total": erasure.records_total,
                "records_erased": erasure.records_erased, "waiting_for": erasure.waiting_for, "receipts": receipts,
            }));
            Ok(())
        })
        .await
    }
}
