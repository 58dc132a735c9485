//! Dependencies point one way, and nothing that runs at the provider reaches the code that opens records.
//!
//! "The provider cannot read" is first of all a fact about what is linked into its programs; here it becomes a build
//! failure.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};

use crate::tree::{self, Package};
use crate::work::Work;

/// What opens records. Nothing in [`BLIND`] may reach it, not even through another crate.
const OPENS: &str = "siegel-crypto";

/// What runs at the provider.
const BLIND: [&str; 9] = [
    "siegel-proto",
    "siegel-platform",
    "siegel-key-directory",
    "siegel-upload",
    "siegel-retention",
    "siegel-notification",
    "siegel-operator",
    "siegel-server",
    "siegel-admin",
];

const FOUNDATION: &[&str] = &["siegel-domain", "siegel-api", "siegel-envelope", "siegel-proto", "siegel-crds"];
/// A service knows the others through siegel-proto alone.
const SERVICE: &[&str] =
    &["siegel-domain", "siegel-api", "siegel-envelope", "siegel-proto", "siegel-crds", "siegel-platform"];
const PROVIDER: &[&str] = &[
    "siegel-domain",
    "siegel-api",
    "siegel-envelope",
    "siegel-proto",
    "siegel-crds",
    "siegel-platform",
    "siegel-key-directory",
    "siegel-upload",
    "siegel-retention",
    "siegel-notification",
    "siegel-operator",
];
/// Reads the same configuration and the same databases as the server.
const ADMIN: &[&str] = &[
    "siegel-domain",
    "siegel-envelope",
    "siegel-platform",
    "siegel-key-directory",
    "siegel-upload",
    "siegel-retention",
    "siegel-operator",
    "siegel-server",
];
const CLIENT: &[&str] =
    &["siegel-domain", "siegel-api", "siegel-envelope", "siegel-crypto", "siegel-client", "siegel-edf"];

/// Holds what a service stands on against the bare parts.
const MEASURES: &[&str] = &[
    "siegel-domain",
    "siegel-api",
    "siegel-envelope",
    "siegel-crypto",
    "siegel-client",
    "siegel-platform",
    "siegel-proto",
];

/// Our crates, and which others of ours each may need to run. A new crate gets a line here, which is where its layer is
/// decided.
const MAY_NEED: &[(&str, &[&str])] = &[
    ("siegel-domain", &[]),
    ("siegel-api", &["siegel-domain"]),
    ("siegel-envelope", &["siegel-domain"]),
    ("siegel-proto", &[]),
    ("siegel-protogen", &[]),
    ("siegel-crds", &["siegel-domain"]),
    ("siegel-platform", FOUNDATION),
    ("siegel-key-directory", SERVICE),
    ("siegel-upload", SERVICE),
    ("siegel-retention", SERVICE),
    ("siegel-notification", SERVICE),
    ("siegel-operator", SERVICE),
    ("siegel-server", PROVIDER),
    ("siegel-admin", ADMIN),
    ("siegel-crypto", &["siegel-domain", "siegel-api", "siegel-envelope"]),
    ("siegel-vectors", &["siegel-domain", "siegel-api", "siegel-envelope", "siegel-crypto"]),
    ("siegel-client", &["siegel-domain", "siegel-api", "siegel-envelope", "siegel-crypto"]),
    ("siegel-edf", &[]),
    ("siegel-cli", CLIENT),
    ("siegel-loadtest", MEASURES),
    ("xtask", &[]),
];
/// Drive everything, and are part of nothing.
const TESTS_ONLY: [&str; 2] = ["siegel-e2e", "siegel-simulation"];

pub(crate) fn run(_: &mut Work) -> Result<String> {
    let packages = tree::packages()?;
    let wrong = judge(&packages);
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let ours = packages.values().filter(|package| package.member).count();
    Ok(format!("{ours} crates of ours, {} in all", packages.len()))
}

fn judge(packages: &BTreeMap<String, Package>) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in packages.values().filter(|package| package.member && !TESTS_ONLY.contains(&package.name.as_str())) {
        let name = package.name.as_str();
        let Some((_, may)) = MAY_NEED.iter().find(|(crate_name, _)| *crate_name == name) else {
            wrong.push(format!("{name} has no line in crates/xtask/src/check/arrows.rs: decide its layer"));
            continue;
        };
        for need in package.needs.iter().filter_map(|id| packages.get(id)).filter(|need| need.member) {
            if !may.contains(&need.name.as_str()) {
                wrong.push(format!("{name} needs {}: that arrow points back (ARCHITECTURE.md)", need.name));
            }
        }
        if BLIND.contains(&name) {
            wrong.extend(way_to(packages, package, OPENS).map(|way| format!("{name} can open records: {way}")));
        }
    }
    wrong
}

/// The shortest chain of normal dependencies from a package to `target`, if there is one.
fn way_to(packages: &BTreeMap<String, Package>, from: &Package, target: &str) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut front = vec![(from, from.name.clone())];
    while !front.is_empty() {
        let mut next = Vec::new();
        for (package, way) in front {
            for id in package.needs.iter().filter(|id| seen.insert(id.as_str())) {
                let need = packages.get(id)?;
                let way = format!("{way} → {}", need.name);
                if need.name == target {
                    return Some(way);
                }
                next.push((need, way));
            }
        }
        front = next;
    }
    None
}

/// Fails if the table names a crate that is gone, so that it cannot rot.
pub(crate) fn table(_: &mut Work) -> Result<String> {
    let packages = tree::packages()?;
    let exists = |name: &str| packages.values().any(|package| package.member && package.name == name);
    let names = MAY_NEED.iter().map(|(name, _)| *name).chain(BLIND).chain([OPENS]).chain(TESTS_ONLY);
    names.filter(|name| !exists(name)).try_for_each(|name| Err(anyhow!("arrows.rs names {name}, which is gone")))?;
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(edges: &[(&str, &[&str])]) -> BTreeMap<String, Package> {
        let package = |(name, needs): &(&str, &[&str])| {
            let needs = needs.iter().map(ToString::to_string).collect();
            let member = name.starts_with("siegel") || *name == "xtask";
            ((*name).to_owned(), Package { name: (*name).to_owned(), member, needs })
        };
        edges.iter().map(package).collect()
    }

    #[test]
    fn arrows_along_the_layers_are_fine() {
        let fine = world(&[
            ("siegel-domain", &["serde"]),
            ("serde", &[]),
            ("siegel-envelope", &["siegel-domain"]),
            ("siegel-platform", &["siegel-envelope"]),
            ("siegel-upload", &["siegel-platform", "siegel-domain"]),
            ("siegel-crypto", &["siegel-envelope"]),
        ]);
        assert_eq!(judge(&fine), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_back_and_one_between_services_are_found() {
        let wrong = judge(&world(&[
            ("siegel-domain", &["siegel-envelope"]),
            ("siegel-envelope", &[]),
            ("siegel-upload", &["siegel-retention"]),
            ("siegel-retention", &[]),
        ]));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }

    #[test]
    fn a_way_to_the_opening_code_through_a_stranger_is_found_and_shown() {
        let wrong = judge(&world(&[
            ("siegel-server", &["some-crate"]),
            ("some-crate", &["siegel-crypto"]),
            ("siegel-crypto", &[]),
        ]));
        assert_eq!(wrong, ["siegel-server can open records: siegel-server → some-crate → siegel-crypto"]);
    }

    #[test]
    fn a_crate_without_a_layer_is_refused() {
        assert_eq!(judge(&world(&[("siegel-new", &[])])).len(), 1);
    }
}
