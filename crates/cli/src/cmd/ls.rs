//! `siegel ls`: records with their names, newest first.

use serde_json::{Value, json};
use siegel_client::{Listing, RecordQuery};
use siegel_domain::{ConversationId, RecordId};

use super::put::Kind;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::names::Names;
use crate::ui::{Table, Ui, bytes, date};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    sent: bool,
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    #[arg(long, value_name = "ID")]
    answers: Option<RecordId>,
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.session(async |session, _| {
            let names = Names::load(session).await?;
            let mut listings = Vec::new();
            let mut token = None;
            while listings.len() < self.limit as usize {
                let left = self.limit as usize - listings.len();
                let query = RecordQuery {
                    mailbox: Some(if self.sent { "sent" } else { "inbox" }.to_owned()),
                    conversation: self.conversation,
                    kind: self.kind.map(Into::into),
                    answers: self.answers,
                    page_size: Some(left.min(siegel_domain::limits::PAGE_ITEMS as usize) as u32),
                    page_token: token,
                };
                let (page, next) = session.listing(&query).await?;
                listings.extend(page);
                token = next;
                if token.is_none() {
                    break;
                }
            }
            show(&ctx.ui, &names, &listings);
            if token.is_some() {
                ctx.ui.note("ls-more", &[("limit", &self.limit)]);
            }
            Ok(())
        })
        .await
    }
}

fn show(ui: &Ui, names: &Names, listings: &[Listing]) {
    let headings = ["head-record", "head-kind", "head-when", "head-size", "head-from", "head-file", "head-fetched"];
    let mut table = Table::new(ui, &headings);
    for listing in listings {
        let record = &listing.record;
        let kind = ui.text(&format!("kind-{}", record.kind.as_str()), &[]);
        let (size, from, file) = match &listing.opened {
            Ok(opened) => (
                bytes(ui.lang, opened.plain_bytes()),
                names.from(ui, opened),
                opened.metadata.title.clone().unwrap_or_else(|| opened.file_name()),
            ),
            Err(error) => (
                bytes(ui.lang, record.sealed_bytes),
                names.of(record.sender),
                ui.text(&format!("unreadable-{}", unreadable(error)), &[]),
            ),
        };
        let fetched = ui.text(if record.fetched > 0 { "yes" } else { "no" }, &[]);
        table.row([record.id.to_string(), kind, date(ui.lang, record.committed_ms), size, from, file, fetched]);
    }
    table.print(ui, "ls-empty");
    ui.json(&listings.iter().map(|listing| item(names, listing)).collect::<Vec<_>>());
}

/// Why a record shows no name, in a word of the catalogue.
fn unreadable(error: &siegel_client::Error) -> &'static str {
    match error {
        error if error.code() == Some(siegel_client::Code::NotConfirmed) => "not-confirmed",
        siegel_client::Error::Untrusted(_) => "untrusted",
        _ => "other",
    }
}

/// A record for scripts.
pub(crate) fn item(names: &Names, listing: &Listing) -> Value {
    let record = &listing.record;
    let mut item = json!({
        "record": record.id, "kind": record.kind, "sender": record.sender, "sender_name": names.of(record.sender),
        "committed_ms": record.committed_ms, "sealed_bytes": record.sealed_bytes, "fetched": record.fetched,
        "conversation": record.conversation, "answers": record.answers, "return_report": record.return_report,
        "expires_ms": record.expires_ms,
    });
    match &listing.opened {
        Ok(opened) => {
            item["bytes"] = json!(opened.plain_bytes());
            item["file_name"] = json!(opened.metadata.file_name);
            item["title"] = json!(opened.metadata.title);
            item["note"] = json!(opened.metadata.note);
            item["from"] = json!(opened.from);
            item["passed_on_by"] = json!(opened.passed_on_by);
        }
        Err(error) => item["unreadable"] = json!(error.key()),
    }
    item
}
