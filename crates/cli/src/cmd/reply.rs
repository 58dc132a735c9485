//! `siegel reply RECORD FILE`: sends the report on a record back to whoever sent it (C05).

use std::path::PathBuf;

use siegel_client::time::Moment;
use siegel_client::{Meter, Session};
use siegel_domain::{Party, RecordId, RecordKind};

use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};
use crate::ui::Bar;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    record: RecordId,
    file: PathBuf,
    #[arg(long)]
    note: Option<String>,
    #[arg(long)]
    title: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.session(async |session, _| {
            let opened = session.open_record(self.record).await?;
            if !opened.record.return_report {
                return Err(Failure::own(Exit::Refused, "reply-not-wished"));
            }
            let meter = Meter::default();
            let start = Moment::now();
            let sent = {
                let size = std::fs::metadata(&self.file).map_err(Failure::file(&self.file))?.len();
                let name = self.file.file_name().unwrap_or_default().to_string_lossy();
                let _bar = Bar::follow(&ctx.ui, &name, size, meter.clone());
                self.send(session, opened.from, meter).await?
            };
            let shown = super::put::report(ctx, &self.file, &sent, start.elapsed());
            ctx.ui.json(&shown);
            Ok(())
        })
        .await
    }

    async fn send(&self, session: &Session, to: Party, meter: Meter) -> Result<siegel_client::Sent> {
        // The centre keeps a copy that its members can open: the same bytes, one grant more.
        let centre = session.profile().tenant()?.id;
        let mut outgoing =
            session.upload(&self.file).kind(RecordKind::Report).answers(self.record).to(to).to(centre).meter(meter);
        if let Some(note) = &self.note {
            outgoing = outgoing.note(note);
        }
        if let Some(title) = &self.title {
            outgoing = outgoing.title(title);
        }
        Ok(outgoing.send().await?)
    }
}
