//! The platform itself on these parts, as an installation has it: six programs, each with a file of its own, and haproxy as the one
//! host in front of them. `cargo xtask up --programs` starts them; tests start programs of their own.
//!
//! They may start before the parts do, in any order: each waits for what it needs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::addresses::{FRONT, PROGRAMS_FRONT};
use super::site::{Site, write_private};
use super::wait::Patience;
use super::{Part, http, nothing_left, render};
use crate::needs::Need;
use crate::tree;
use crate::work::Work;

pub(super) const PART: Part = Part {
    name: "programs",
    tools: &[],
    needs: &[Need::Rdkafka, Need::Haproxy, Need::Openssl],
    processes: &[
        "siegel-operator",
        "siegel-key-directory",
        "siegel-upload",
        "siegel-retention",
        "siegel-notification",
        "siegel-dealer-api",
        "front",
    ],
    start,
    look,
    after: nothing_left,
};

/// A program waits for parts for a minute, and at a first start all of them migrate.
const PATIENCE: Patience = Patience::seconds(120);

/// The programs' names, without haproxy.
fn programs() -> impl Iterator<Item = &'static str> {
    PART.processes.iter().copied().filter(|name| *name != "front")
}

/// Builds what it starts.
pub(super) fn build() -> Result<()> {
    let mut work = Work::new("build programs")?;
    println!("building the programs; the log is {}", work.path().display());
    let built = work.run(&mut tree::cargo(["build", "--workspace", "--locked", "--bins"]));
    built.with_context(|| format!("build the programs; see {}", work.path().display()))
}

fn start(site: &Site) -> Result<String> {
    for name in programs() {
        let state = site.room(&format!("programs/{name}"))?;
        let service = name.trim_start_matches("siegel-");
        let mut command = Command::new(binary(name));
        command.arg("--state").arg(&state).arg("--ready-file").arg(state.join("ready.json"));
        command.arg("--parts").arg(site.path(&format!("services/{service}.toml")));
        command.args(["--public-url", &url()]).env("RUST_BACKTRACE", "1");
        let process = site.process(name);
        if !process.alive() {
            let _ = fs::remove_file(state.join("ready.json")); // of another run
        }
        process.start(&mut command, &[])?;
    }
    for name in programs() {
        let ready = site.path(&format!("programs/{name}/ready.json"));
        site.process(name).wait(name, PATIENCE, || ready.is_file().then_some(()))?;
    }
    front(site)?;
    let (program, state, parts) = (binary("siegel-admin"), state(site), site.path("parts.toml"));
    Ok(format!(
        "{}, CA in {}; next:\n  {} --state {} --parts {} dealer add",
        url(),
        ca(site).display(),
        program.display(),
        state.display(),
        parts.display()
    ))
}

/// The one host: its certificate is the platform's own, as clients trust no other.
fn front(site: &Site) -> Result<()> {
    let pem = site.path("programs/front.pem");
    let mut admin = Command::new(binary("siegel-admin"));
    admin.arg("--state").arg(state(site)).arg("--parts").arg(site.path("parts.toml"));
    let made = admin.args(["certificate", "front", "--out"]).arg(&pem).output().context("run siegel-admin")?;
    ensure!(made.status.success(), "siegel-admin certificate front: {}", String::from_utf8_lossy(&made.stderr));
    let listen = format!("{FRONT}:{PROGRAMS_FRONT}");
    let config = render::template(
        "infra/haproxy/front.cfg",
        &[("listen", &listen), ("pem", &pem.to_string_lossy()), ("ca", &ca(site).to_string_lossy())],
    )?;
    let file = site.path("programs/front.cfg");
    write_private(&file, config.as_bytes())?;
    let mut command = Command::new("/usr/sbin/haproxy");
    let process = site.process("front");
    process.start(command.args(["-db", "-f"]).arg(&file).env_clear(), &[(FRONT, PROGRAMS_FRONT)])?;
    process.wait("the front", Patience::seconds(20), || answers(site).ok())
}

fn look(site: &Site, name: &str) -> Result<String> {
    if name == "front" {
        return answers(site).map(|()| url());
    }
    let ready = fs::read_to_string(site.path(&format!("programs/{name}/ready.json"))).context("it is not ready")?;
    let ready: serde_json::Value = serde_json::from_str(&ready)?;
    let (_, port) = ready["listen"].as_str().and_then(|listen| listen.rsplit_once(':')).context("its address")?;
    http::get(format!("https://localhost:{port}/health/ready"), ca(site)).expect()?;
    Ok(format!("https://localhost:{port}"))
}

/// Whether the key directory answers through the front.
fn answers(site: &Site) -> Result<()> {
    http::get(format!("{}/v1/info", url()), ca(site)).expect().map(drop)
}

fn url() -> String {
    format!("https://localhost:{PROGRAMS_FRONT}")
}

/// The platform's own CA, which is not that of the parts.
fn ca(site: &Site) -> PathBuf {
    state(site).join("ca/ca.pem")
}

/// The state directory that knows the address: the key directory's.
fn state(site: &Site) -> PathBuf {
    site.path("programs/siegel-key-directory")
}

fn binary(name: &str) -> PathBuf {
    tree::target().join("debug").join(name)
}
