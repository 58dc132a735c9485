//! Every dependency that comes from outside has a line in docs/dependencies.md that says why it is here.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow, bail};

use crate::tree;
use crate::work::Work;

const TABLE: &str = "docs/dependencies.md";

pub(crate) fn run(_: &mut Work) -> Result<String> {
    let manifest = tree::text("Cargo.toml")?.context("Cargo.toml is not text")?;
    let declared = declared(&manifest)?;
    let table = tree::text(TABLE)?.context("the table is not text")?;
    let explained = explained(&table);

    let mut wrong = Vec::new();
    wrong.extend(declared.difference(&explained).map(|name| format!("{name} has no line in {TABLE}: why is it here?")));
    wrong.extend(explained.difference(&declared).map(|name| format!("{TABLE} explains {name}, which is gone")));
    wrong.extend(
        unused(&declared)?.into_iter().map(|name| format!("{name} stands in Cargo.toml, and no crate of ours uses it")),
    );
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(format!("{} of others", declared.len()))
}

/// Names under `[workspace.dependencies]` that are not ours.
fn declared(manifest: &str) -> Result<BTreeSet<String>> {
    let manifest: toml::Table = toml::from_str(manifest).context("read Cargo.toml")?;
    let dependencies = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let dependencies =
        dependencies.and_then(|value| value.as_table()).ok_or_else(|| anyhow!("no [workspace.dependencies]"))?;
    let theirs = dependencies.iter().filter(|(_, what)| what.get("path").is_none());
    Ok(theirs.map(|(name, _)| name.clone()).collect())
}

/// Names in the first column, several to a row if they belong together.
fn explained(table: &str) -> BTreeSet<String> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let names = rows.filter_map(|row| row.split('|').next()).flat_map(|cell| cell.split(','));
    names
        .map(|name| name.trim().trim_matches('`').to_owned())
        .filter(|name| !name.is_empty() && name != "crate")
        .collect()
}

fn unused(declared: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut unused = declared.clone();
    for file in tree::files()?.iter().filter(|file| file.ends_with("/Cargo.toml")) {
        let text = tree::text(file)?.unwrap_or_default();
        unused.retain(|name| {
            let names = |line: &str| {
                let rest = line.trim_start().strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            };
            !text.lines().any(names)
        });
    }
    Ok(unused.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_manifest_and_table_alike() {
        let manifest = "[workspace.dependencies]\nserde = \"1\"\nsiegel-domain = { path = \"crates/domain\" }\n\
            tokio = { version = \"1\" }\n";
        let table = "| crate | why | notes |\n|---|---|---|\n| serde, `tokio` | because, of course | |\n";
        assert_eq!(declared(manifest).expect("valid"), explained(table));
    }
}
