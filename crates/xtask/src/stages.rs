//! The one list of what is run, in order. What is not here does not run, and says nothing of having run.

use crate::check::{arrows, deny, explained, files, promises, watch, words};
use crate::needs::Need;
use crate::stage::{Group, Stage};
use crate::work::Work;
use crate::{asyncapi, collector, generate, parts, protocol, tools, tree, windows};

use anyhow::Result;

/// `cargo xtask check`: cheap things first, so that a slip is known within seconds.
pub(crate) fn checks() -> Vec<Stage> {
    let mut stages = read();
    stages.push(check(GENERATED, &[Need::Rdkafka], generate::drift));
    stages
}

const GENERATED: &str = "generated files";

/// The checks that need no program of ours.
fn read() -> Vec<Stage> {
    vec![
        check("words", &[], words::run),
        check("module docs", &[], files::module_docs),
        check("long files", &[], files::long),
        check("migrations listed", &[], files::migrations),
        check("promises and their tests", &[], promises::run),
        check("dependency direction", &[], arrows::run),
        check("dependency table", &[], arrows::table),
        check("dependencies explained", &[], explained::run),
        check("alerts, runbooks, dashboards", &[Need::Promtool], watch::run),
        check("protocol: lint and breaking", &[Need::Buf], protocol::check),
        check("fmt", &[Need::Rustfmt], |work| cargo(work, &["fmt", "--all", "--check"])),
        check("licences, bans, advisories", &[Need::Deny], deny::run),
        check("clippy", &[Need::Rustfmt, Need::Rdkafka], |work| {
            cargo(work, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
        }),
        check("AsyncAPI's schema", &[Need::Asyncapi], asyncapi::check),
        check("crypto in the browser", &[Need::Wasm], |work| {
            cargo(work, &["check", "--locked", "--package", "siegel-crypto", "--target", "wasm32-unknown-unknown"])
        }),
    ]
}

/// `cargo xtask test` and `ci`: the checks, then everything built, then everything run.
pub(crate) fn everything() -> Vec<Stage> {
    let mut stages = read();
    stages.extend([
        // Programs first: end-to-end tests start them as children, and cargo test does not build them for other
        // packages.
        build("programs", &[Need::Rdkafka], |work| cargo(work, &["build", "--workspace", "--locked"])),
        build(GENERATED, &[Need::Rdkafka], generate::drift),
        build("tests", &[Need::Rdkafka], |work| cargo(work, &["test", "--workspace", "--locked", "--no-run"])),
        build("vectors for WebAssembly", &[Need::Wasm], tools::build_wasm_vectors),
    ]);
    stages.extend(windows());
    stages.extend([
        run("cargo test", &[Need::Rdkafka], |work| {
            // What needs the real parts has a stage of its own.
            work.run(tree::cargo(["test", "--workspace", "--locked"]).env("SIEGEL_WITHOUT_PARTS", "1"))?;
            Ok(String::new())
        }),
        run("the demo, in German", &[], tools::demo),
        run("HTTP/2 conformance", &[Need::H2spec], tools::h2spec),
        run("200 seeds", &[], |work| {
            let mut tell = tree::cargo(["test", "--workspace", "--locked", "--test", "simulation"]);
            work.run(tell.env("SIEGEL_SEEDS", "200"))?;
            Ok(String::new())
        }),
        run("second opener, in Python", &[Need::Python], tools::opener),
        run("vectors in WebAssembly", &[Need::Wasm, Need::Node], tools::wasm_vectors),
    ]);
    stages.extend(windows_smoke());
    let traces = "traces in a collector";
    stages.push(Stage { group: Group::Real, name: traces, needs: &[Need::Go, Need::Collector], run: collector::test });
    stages.push(Stage { group: Group::Real, name: "real parts", needs: parts::NEEDS, run: parts::test });
    stages
}

/// `cargo xtask windows`.
pub(crate) fn windows() -> Vec<Stage> {
    vec![build("siegel.exe", &[Need::Windows], windows::build)]
}

/// `cargo xtask windows-smoke`.
pub(crate) fn windows_smoke() -> Vec<Stage> {
    vec![run("siegel.exe under Wine", &[Need::Windows, Need::Wine], windows::smoke)]
}

fn check(name: &'static str, needs: &'static [Need], run: fn(&mut Work) -> Result<String>) -> Stage {
    Stage { group: Group::Checks, name, needs, run }
}

fn build(name: &'static str, needs: &'static [Need], run: fn(&mut Work) -> Result<String>) -> Stage {
    Stage { group: Group::Build, name, needs, run }
}

fn run(name: &'static str, needs: &'static [Need], run: fn(&mut Work) -> Result<String>) -> Stage {
    Stage { group: Group::Embedded, name, needs, run }
}

fn cargo(work: &mut Work, args: &[&str]) -> Result<String> {
    work.run(&mut tree::cargo(args.iter().copied()))?;
    Ok(String::new())
}
