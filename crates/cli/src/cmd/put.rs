//! `siegel put FILE…`: seals files on this machine and sends them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use siegel_client::time::Moment;
use siegel_client::{Code, Error, Meter, Sent, Session};
use siegel_domain::{ConversationId, Party, RecordId, RecordKind};

use crate::ctx::Ctx;
use crate::error::{Exit, Failure, Result};
use crate::ui::{Bar, bytes, duration, human_rate};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[arg(long, value_name = "ID")]
    to: Vec<Party>,
    #[arg(long)]
    note: Option<String>,
    #[arg(long)]
    title: Option<String>,
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    #[arg(long, value_enum, value_name = "YES|NO")]
    return_report: Option<YesNo>,
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    #[arg(long, value_name = "ID")]
    answers: Option<RecordId>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Kind {
    Recording,
    Report,
    Message,
}

impl From<Kind> for RecordKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Recording => Self::Recording,
            Kind::Report => Self::Report,
            Kind::Message => Self::Message,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

impl Args {
    pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
        for file in &self.files {
            plain_file(file)?;
        }
        ctx.session(async |session, _| {
            let mut sent = Vec::new();
            for file in &self.files {
                sent.push(self.send(ctx, session, file).await?);
            }
            ctx.ui.json(&sent);
            Ok(())
        })
        .await
    }

    async fn send(&self, ctx: &Ctx, session: &Session, file: &Path) -> Result<Value> {
        let meter = Meter::default();
        let start = Moment::now();
        let sent = {
            let size = std::fs::metadata(file).map_err(Failure::file(file))?.len();
            let _bar = Bar::follow(&ctx.ui, &name_of(file), size, meter.clone());
            self.outgoing(session, file, self.return_report, &meter).send().await
        };
        let sent = match sent {
            Err(error) if asks_for_wish(&error) => self.send_with_wish(ctx, session, file, &meter).await?,
            other => other?,
        };
        Ok(report(ctx, file, &sent, start.elapsed()))
    }

    fn outgoing<'a>(
        &self,
        session: &'a Session,
        file: &Path,
        wish: Option<YesNo>,
        meter: &Meter,
    ) -> siegel_client::Outgoing<'a> {
        let mut outgoing = session.upload(file).meter(meter.clone());
        for party in &self.to {
            outgoing = outgoing.to(*party);
        }
        if let Some(note) = &self.note {
            outgoing = outgoing.note(note);
        }
        if let Some(title) = &self.title {
            outgoing = outgoing.title(title);
        }
        if let Some(kind) = self.kind {
            outgoing = outgoing.kind(kind.into());
        }
        if let Some(conversation) = self.conversation {
            outgoing = outgoing.conversation(conversation);
        }
        if let Some(record) = self.answers {
            outgoing = outgoing.answers(record);
        }
        match wish {
            Some(wish) => outgoing.return_report(wish == YesNo::Yes),
            None => outgoing,
        }
    }

    /// This sender's setting is to be asked each time.
    async fn send_with_wish(&self, ctx: &Ctx, session: &Session, file: &Path, meter: &Meter) -> Result<Sent> {
        if !ctx.ui.watched || ctx.ui.json {
            return Err(Failure::usage("put-say-return-report"));
        }
        let wish = match ctx.ui.confirm("put-return-report-ask", &[], false)? {
            true => YesNo::Yes,
            false => YesNo::No,
        };
        Ok(self.outgoing(session, file, Some(wish), meter).send().await?)
    }
}

fn asks_for_wish(error: &Error) -> bool {
    matches!(error, Error::Refused(problem) if problem.code == Code::InvalidRequest
        && problem.fields.iter().any(|field| field.field == "return_report"))
}

/// A directory is not sent: what would be lost of it (names, links, dates) is the sender's to decide.
fn plain_file(path: &Path) -> Result<()> {
    if path.as_os_str() == "-" {
        return Err(Failure::usage("put-no-stdin"));
    }
    let metadata = std::fs::metadata(path).map_err(Failure::file(path))?;
    match metadata.is_file() {
        true => Ok(()),
        false => Err(Failure::own(Exit::Usage, "put-directory").with("path", path.display())),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Says that it arrived, and what vouches for it.
pub(crate) fn report(ctx: &Ctx, file: &Path, sent: &Sent, took: std::time::Duration) -> Value {
    let ui = &ctx.ui;
    let size = bytes(ui.lang, sent.plain_bytes);
    let rate = human_rate(ui.lang, sent.plain_bytes - sent.resumed_bytes, took);
    let took_text = duration(ui.lang, took);
    ui.say(
        "put-done",
        &[("file", &name_of(file)), ("record", &sent.record), ("size", &size), ("took", &took_text), ("rate", &rate)],
    );
    if sent.resumed_bytes > 0 {
        ui.note("put-resumed", &[("size", &bytes(ui.lang, sent.resumed_bytes))]);
    }
    if sent.degraded {
        ui.warn("put-degraded", &[]);
    }
    if let Some(hours) = sent.directory_silent_h {
        ui.warn("put-directory-silent", &[("hours", &hours)]);
    }
    ui.note("put-receipt", &[("path", &sent.receipt_path.display())]);
    json!({
        "file": file, "record": sent.record, "bytes": sent.plain_bytes, "resumed_bytes": sent.resumed_bytes,
        "receipt": sent.receipt_id, "receipt_path": sent.receipt_path, "degraded": sent.degraded,
        "directory_silent_h": sent.directory_silent_h,
        "seconds": took.as_secs_f64(),
    })
}
