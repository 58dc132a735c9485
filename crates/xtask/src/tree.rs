//! The work tree: where it is, what git tracks in it, what cargo knows of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/xtask lies two levels below the root")
}

/// Where cargo builds, `CARGO_TARGET_DIR` respected.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |directory| root().join(directory))
}

/// The same cargo that runs us, in the root.
pub(crate) fn cargo<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    // Set by the cargo that runs us for THIS package; a build script that looked at them would be confused.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// Any other program, in the root.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Files that are or will be in the repository (tracked, or new and not ignored), relative to the root.
pub(crate) fn files() -> Result<Vec<String>> {
    let listed = program("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("run git ls-files")?;
    if !listed.status.success() {
        bail!("git ls-files ended with {}: is this a clone?", listed.status);
    }
    let text = String::from_utf8(listed.stdout).context("a file name is not UTF-8")?;
    let mut files: Vec<_> = text.split('\0').filter(|name| root().join(name).is_file()).map(String::from).collect();
    files.sort_unstable();
    files.dedup();
    Ok(files)
}

/// A text file of the tree; `None` if it is not text.
pub(crate) fn text(file: &str) -> Result<Option<String>> {
    let bytes = std::fs::read(root().join(file)).with_context(|| format!("read {file}"))?;
    Ok(String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')))
}

/// A package and the packages it needs to run (no dev, no build dependencies).
pub(crate) struct Package {
    pub(crate) name: String,
    /// Whether it is ours.
    pub(crate) member: bool,
    /// Identifiers of its normal dependencies.
    pub(crate) needs: Vec<String>,
}

/// All packages by identifier, with every feature of ours switched on.
pub(crate) fn packages() -> Result<BTreeMap<String, Package>> {
    let output = cargo(["metadata", "--format-version=1", "--all-features", "--locked"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let names: BTreeMap<_, _> = metadata.packages.into_iter().map(|package| (package.id, package.name)).collect();
    let nodes = metadata.resolve.nodes.into_iter().map(|node| {
        let normal = |edge: &Edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none());
        let needs = node.deps.into_iter().filter(normal).map(|edge| edge.pkg).collect();
        let name = names.get(&node.id).cloned().unwrap_or_default();
        let member = metadata.workspace_members.contains(&node.id);
        (node.id, Package { name, member, needs })
    });
    Ok(nodes.collect())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Named>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` for a normal dependency, else "dev" or "build".
    kind: Option<String>,
}
