//! The `.proto` files keep the rules of their trade, and say nothing that programs of the last release would misread.

use anyhow::{Context, Result};

use crate::tools;
use crate::work::Work;

/// What the last release said, made by `buf build proto --exclude-source-info -o proto/baseline.binpb`; made anew with each.
const BASELINE: &str = "proto/baseline.binpb";

pub(crate) fn run(work: &mut Work) -> Result<String> {
    work.run(tools::buf()?.args(["lint", "proto"]))?;
    let compatible = work.run(tools::buf()?.args(["breaking", "proto", "--against", BASELINE]));
    compatible.with_context(|| format!("proto/ breaks with {BASELINE}: add a field or a method beside the old one"))?;
    Ok(String::new())
}
