//! The stage of `cargo xtask test` that runs on the real parts: starts all of them in a directory of its own, runs the
//! contracts of the ports and the main story end to end on them, and leaves nothing behind if they pass.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Result, bail};

use crate::needs::Need;
use crate::tree;
use crate::work::Work;

/// What the machine must have.
pub(crate) const NEEDS: &[Need] = &[
    Need::Rdkafka,
    Need::Go,
    Need::Openssl,
    Need::SystemPython,
    Need::Haproxy,
    Need::Postgres,
    Need::Etcd,
    Need::Java,
];

/// End-to-end tests, by the beginning of their names: what people do, what is erased, what must not cross from one tenant to
/// another, and the same as six programs. The others look at clients and liars, to whom the parts are all one.
const STORIES: &[&str] = &["centre::", "practice::", "conversations::", "erasing::", "crossing::", "programs::"];

/// The stage.
pub(crate) fn test(work: &mut Work) -> Result<String> {
    // Beside the stages' logs.
    let directory = tree::target().join("xtask").join("parts");
    let own = |words: &[&str]| {
        // This program by what runs, not by its path: building the workspace may have replaced the file.
        let mut command = Command::new("/proc/self/exe");
        command.args(words).env("SIEGEL_PARTS_DIR", &directory);
        command
    };
    work.run(&mut own(&["up"]))?;
    let passed = on_parts(work, directory.as_os_str().to_owned());
    // Databases of a run that went well are nobody's any more; after another one, state and logs are what is looked at.
    let down: &[&str] = if passed.is_ok() { &["down", "--wipe"] } else { &["down"] };
    let ended = work.run(&mut own(down));
    passed.and_then(|note| ended.map(|()| note))
}

fn on_parts(work: &mut Work, directory: OsString) -> Result<String> {
    let mut ports = tree::cargo(["test", "--workspace", "--locked", "--test", "real"]);
    work.run(ports.env("SIEGEL_PARTS_DIR", &directory))?;
    let mut stories = tree::cargo(["test", "--workspace", "--locked", "--test", "it", "--"]);
    let file = std::path::Path::new(&directory).join("parts.toml");
    if !file.is_file() {
        bail!("{} is not there, although the parts came up", file.display());
    }
    work.run(stories.args(STORIES).env("SIEGEL_E2E_PARTS", file))?;
    Ok(String::new())
}
