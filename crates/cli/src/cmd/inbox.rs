//! `siegel inbox`: what nobody here has fetched yet; with `--watch`, what happens as it happens.

use serde_json::json;
use siegel_client::api::events::Event;
use siegel_client::{Listing, RecordQuery, Session};
use siegel_domain::RecordId;

use super::ls::item;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::names::Names;
use crate::ui::{Ui, bytes, date};

const COMMITTED: &str = "siegel.record.committed.v1";
/// `siegel.member.enrolled.v1`, `siegel.sender.enrolled.v1`: somebody used a code.
const ENROLLED: &str = ".enrolled.v1";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, short = 'w')]
    watch: bool,
    #[arg(long, requires = "watch", value_name = "POSITION")]
    after: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.session(async |session, _| {
            let names = Names::load(session).await?;
            // The line is opened first: what arrives while we list is not missed.
            let mut events = session.events(self.after.clone());
            if self.watch {
                events.listen().await?;
            }
            let query = RecordQuery { page_size: Some(siegel_domain::limits::PAGE_ITEMS), ..RecordQuery::default() };
            let (listings, _) = session.listing(&query).await?;
            let waiting: Vec<_> = listings.iter().filter(|listing| listing.record.fetched == 0).collect();
            for listing in &waiting {
                line(&ctx.ui, &names, listing);
            }
            if !self.watch {
                if waiting.is_empty() {
                    ctx.ui.note("inbox-empty", &[]);
                }
                ctx.ui.json(&waiting.iter().map(|listing| item(&names, listing)).collect::<Vec<_>>());
                return Ok(());
            }
            ctx.ui.note("inbox-watching", &[]);
            loop {
                let event = events.next().await?;
                happened(ctx, session, &event).await?;
            }
        })
        .await
    }
}

fn line(ui: &Ui, names: &Names, listing: &Listing) {
    let when = date(ui.lang, listing.record.committed_ms);
    match &listing.opened {
        Ok(opened) => ui.say(
            "inbox-record",
            &[
                ("when", &when),
                ("record", &listing.record.id),
                ("file", &opened.file_name()),
                ("from", &names.from(ui, opened)),
                ("size", &bytes(ui.lang, opened.plain_bytes())),
            ],
        ),
        Err(error) => ui.say("inbox-unreadable", &[("when", &when), ("record", &listing.record.id), ("why", error)]),
    }
}

async fn happened(ctx: &Ctx, session: &Session, event: &Event) -> Result<()> {
    let ui = &ctx.ui;
    if event.kind == COMMITTED
        && let Ok(record) = event.subject.parse::<RecordId>()
    {
        match session.open_record(record).await {
            Ok(opened) => {
                let names = Names::load(session).await?;
                let listing = Listing { record: opened.record.clone(), opened: Ok(opened) };
                line(ui, &names, &listing);
                ui.json_line(&json!({ "event": event, "record": item(&names, &listing) }));
                return Ok(());
            }
            // One's own upload, or one that is not for this party: an event like others.
            Err(error) => unreadable(ui, event, &error),
        }
    } else if event.kind.ends_with(ENROLLED) {
        ui.say("inbox-enrolled", &[("id", &event.subject)]);
    } else {
        let when = date(ui.lang, event.time_ms);
        ui.say("inbox-event", &[("when", &when), ("kind", &event.kind), ("subject", &event.subject)]);
    }
    ui.json_line(&json!({ "event": event }));
    Ok(())
}

fn unreadable(ui: &Ui, event: &Event, error: &siegel_client::Error) {
    let when = date(ui.lang, event.time_ms);
    ui.say("inbox-unreadable", &[("when", &when), ("record", &event.subject), ("why", error)]);
}
