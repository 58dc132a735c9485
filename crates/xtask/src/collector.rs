//! The OpenTelemetry collector that `infra/collector` pins, and the test that looks at what the platform tells it.

use anyhow::Result;

use crate::parts::{Source, Tool};
use crate::tree;
use crate::work::Work;

const TOOL: Tool =
    Tool { name: "collector", version: "0.160.0", pinned: "infra/collector", source: Source::Go { package: "." } };

pub(crate) fn found() -> bool {
    TOOL.found()
}

pub(crate) fn install(work: &mut Work) -> Result<()> {
    TOOL.provide(work)
}

/// The stage: an upload through six programs is one trace in the collector, with nobody's data in it.
pub(crate) fn test(work: &mut Work) -> Result<String> {
    // The test is ignored without the program; with it, it is one like any other.
    let mut test = tree::cargo(["test", "--workspace", "--locked", "--test", "e2e", "--", "--ignored", "collector"]);
    work.run(test.env("SIEGEL_COLLECTOR", TOOL.home()?.join(TOOL.name)))?;
    Ok(String::new())
}
