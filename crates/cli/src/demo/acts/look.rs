//! Looking for what must not be there (C09, C10), and first for what must be: a search that finds nothing anywhere would
//! prove nothing.

use super::super::search::{Found, search};
use super::super::story::{Play, wrong};
use crate::error::Result;
use crate::ui::{Table, bytes};

/// Searches the platform's files and log.
pub(crate) async fn searches(play: &mut Play, act: &'static str) -> Result<()> {
    play.tell.step(act, "C09 C10 R09");
    // The practice's own directory holds the recording in the clear: the search has to find it there.
    let control = search(&play.canaries, &[play.stage.of("practice")])?;
    if control.hits.is_empty() {
        return Err(wrong("demo-wrong-search"));
    }
    play.tell.fact("demo-search-control", &[("hits", &control.hits.len())]);

    let found = search(&play.canaries, &[play.stage.platform(), play.stage.log()])?;
    tell(play, &found);
    play.tell.figure("files", found.files);
    play.tell.figure("bytes", found.bytes);
    play.tell.figure("patterns", found.patterns);
    play.tell.figure("hits", found.hits.len());
    if !found.hits.is_empty() {
        return Err(wrong("demo-found"));
    }
    if found.files < 5 {
        return Err(wrong("demo-wrong-search"));
    }
    play.tell.fact("demo-search-nothing", &[]);
    play.tell.done();
    Ok(())
}

fn tell(play: &Play, found: &Found) {
    let ui = play.tell.ui();
    let size = bytes(ui.lang, found.bytes);
    let canaries = play.canaries.len();
    play.tell.fact(
        "demo-searched",
        &[("files", &found.files), ("size", &size), ("canaries", &canaries), ("patterns", &found.patterns)],
    );
    let mut table = Table::new(ui, &["head-kind", "head-path"]);
    for (kind, path) in &found.hits {
        table.row([ui.text(kind, &[]), path.display().to_string()]);
    }
    if !found.hits.is_empty() {
        table.print(ui, "demo-search-nothing");
    }
}
