//! Files stay readable: none grows beyond a few screens without a reason, and each says at its top what it is for.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::tree;
use crate::work::Work;

/// Above this a file is listed, above [`REFUSED`] it needs a reason in `crates/xtask/long-files.toml`.
const LISTED: usize = 250;
const REFUSED: usize = 500;
const REASONS: &str = "crates/xtask/long-files.toml";

/// Why some files may be long.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasons {
    #[serde(default)]
    files: BTreeMap<String, String>,
}

pub(crate) fn long(_: &mut Work) -> Result<String> {
    let reasons = tree::text(REASONS)?.unwrap_or_default();
    let reasons: Reasons = toml::from_str(&reasons).with_context(|| format!("read {REASONS}"))?;
    let (mut listed, mut wrong) = (Vec::new(), Vec::new());
    let mut unused: Vec<_> = reasons.files.keys().cloned().collect();
    for file in written_by_people()? {
        let lines = tree::text(&file)?.map_or(0, |text| text.lines().count());
        let excused = reasons.files.contains_key(&file);
        if lines > REFUSED && !excused {
            wrong.push(format!("{file} has {lines} lines: split it, or give a reason in {REASONS}"));
        } else if lines > LISTED {
            listed.push((lines, file.clone()));
        }
        if lines > REFUSED {
            unused.retain(|name| *name != file);
        }
    }
    wrong.extend(unused.iter().map(|file| format!("{file} is not that long any more: take it out of {REASONS}")));
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    listed.sort_unstable_by(|one, other| other.cmp(one));
    let lines: Vec<_> = listed.iter().map(|(lines, file)| format!("\n    {lines:>4} {file}")).collect();
    Ok(format!("{} files above {LISTED} lines{}", listed.len(), lines.concat()))
}

/// A migration that no program lists would never run.
pub(crate) fn migrations(_: &mut Work) -> Result<String> {
    let (scripts, programs): (Vec<_>, Vec<_>) = tree::files()?
        .into_iter()
        .filter(|file| file.ends_with(".rs") || (file.contains("migrations/") && file.ends_with(".sql")))
        .partition(|file| file.ends_with(".sql"));
    let mut lists = String::new();
    for file in programs {
        lists.extend(tree::text(&file)?.filter(|text| text.contains("include_str!")));
    }
    let listed = |script: &&String| {
        let place = script.split_once("migrations/").map_or("", |(_, place)| place);
        lists.contains(&format!("migrations/{place}\")"))
    };
    let forgotten: Vec<_> = scripts.iter().filter(|script| !listed(script)).cloned().collect();
    if !forgotten.is_empty() {
        bail!("nobody lists these (siegel_platform::db::embedded):\n  {}", forgotten.join("\n  "));
    }
    Ok(format!("{} listed", scripts.len()))
}

pub(crate) fn module_docs(_: &mut Work) -> Result<String> {
    let (mut silent, mut seen) = (Vec::new(), 0);
    for file in written_by_people()? {
        let text = tree::text(&file)?.unwrap_or_default();
        seen += 1;
        if !begins_with_docs(&text) {
            silent.push(file);
        }
    }
    if !silent.is_empty() {
        bail!("these do not say at their top (//!) what they are for:\n  {}", silent.join("\n  "));
    }
    Ok(format!("{seen} files"))
}

/// Attributes may stand before the documentation, nothing else.
fn begins_with_docs(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("#!["));
    first.is_some_and(|line| line.starts_with("//!"))
}

fn written_by_people() -> Result<Vec<String>> {
    let mut files = tree::files()?;
    files.retain(|file| file.ends_with(".rs") && !file.contains("/generated/"));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::begins_with_docs;

    #[test]
    fn documentation_stands_at_the_top() {
        assert!(begins_with_docs("//! What it is for.\n"));
        assert!(begins_with_docs("\n#![no_std]\n//! What it is for.\n"));
        assert!(!begins_with_docs("use std::fs;\n//! too late"));
        assert!(!begins_with_docs(""));
    }
}
