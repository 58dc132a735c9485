//! The order of events. Each act hands the next what it needs; the first that fails ends the play.

use std::path::Path;

use siegel_client::Session;
use siegel_domain::RecordId;

use super::acts;
use super::binaries::Binaries;
use super::canary::Canaries;
use super::server::Server;
use super::stage::Stage;
use super::tell::Teller;
use crate::error::{Exit, Failure, Result};
use crate::ui::{Ui, duration};

/// What the acts share.
pub(super) struct Play {
    pub(super) tell: Teller,
    pub(super) stage: Stage,
    pub(super) server: Server,
    pub(super) canaries: Canaries,
}

/// Those who take part.
pub(super) struct Cast {
    pub(super) dealer: Session,
    pub(super) centre: Session,
    pub(super) practice: Session,
}

/// Plays all of it.
pub(crate) async fn play(ui: &Ui, file: Option<&Path>, keep: bool) -> Result<()> {
    let mut tell = Teller::new(ui);
    let binaries = Binaries::find(ui)?;
    let stage = Stage::new(keep)?;
    tell.step("demo-act-start", "C07");
    tell.fact("demo-where", &[("path", &stage.root().display())]);
    let server = Server::start(&binaries, &stage.platform(), &stage.log()).await?;
    tell.fact("demo-platform", &[("url", &server.url), ("log", &stage.log().display())]);
    tell.done();

    let mut play = Play { tell, stage, server, canaries: Canaries::default() };
    let outcome = Box::pin(acts_in_order(&mut play, file)).await;
    let stopped = play.server.stop().await;
    let outcome = outcome.and(stopped);
    ending(ui, &play, keep, outcome)
}

async fn acts_in_order(play: &mut Play, file: Option<&Path>) -> Result<()> {
    let dealer = acts::dealer::arrives(play).await?;
    let (tenant, owner_code) = acts::dealer::creates_centre(play, &dealer).await?;
    let centre = acts::centre::opens(play, &tenant, &owner_code).await?;
    let practice = acts::sender::comes_in(play, &centre).await?;
    let cast = Cast { dealer, centre, practice };
    let recording = acts::sender::records(play, file)?;
    let sent = acts::sender::uploads(play, &cast, &recording).await?;
    let report = acts::centre::reports(play, &cast, &recording, sent).await?;
    acts::sender::reads_report(play, &cast, &report).await?;
    acts::stranger::fails(play, &cast, sent).await?;
    acts::look::searches(play, "demo-act-search").await?;
    acts::erase::erases(play, &cast, &[sent, report.record]).await?;
    play.server.stop().await?;
    acts::look::searches(play, "demo-act-search-again").await
}

/// The report that went back.
pub(super) struct Report {
    pub(super) record: RecordId,
    pub(super) text: String,
}

fn ending(ui: &Ui, play: &Play, keep: bool, outcome: Result<()>) -> Result<()> {
    let took = duration(ui.lang, play.tell.took());
    match &outcome {
        Ok(()) => ui.say("demo-good", &[("took", &took)]),
        Err(_) => ui.warn("demo-bad", &[("act", &play.tell.current())]),
    }
    match keep {
        true => ui.say("demo-kept", &[("path", &play.stage.root().display())]),
        false => ui.note("demo-removed", &[]),
    }
    ui.json(&play.tell.value(outcome.is_ok()));
    outcome
}

/// Something that should have happened did not.
pub(super) fn wrong(what: &'static str) -> Failure {
    Failure::own(Exit::Unexpected, what)
}
