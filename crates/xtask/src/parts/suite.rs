//! The stage of `cargo xtask test` that runs on the real parts: starts all of them in a directory of its own, runs the
//! contracts of the ports and the main story end to end on them, and leaves nothing behind if they pass.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::soak;
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
    on_parts_of_its_own(work, &directory, |work, file| {
        on_parts(work, &directory, file)?;
        soak::faults(work, file, 1, None)
    })?;
    Ok(String::new())
}

/// Starts all parts in a directory, hands the file that names them to `tests`, and ends the parts.
pub(super) fn on_parts_of_its_own(
    work: &mut Work,
    directory: &Path,
    tests: impl FnOnce(&mut Work, &Path) -> Result<()>,
) -> Result<()> {
    work.run(&mut soak::own(&["up"], directory))?;
    let file = directory.join("parts.toml");
    let passed = match file.is_file() {
        true => tests(work, &file),
        false => Err(anyhow!("{} is not there, although the parts came up", file.display())),
    };
    // Databases of a run that went well are nobody's any more; after another one, state and logs are what is looked at.
    let down: &[&str] = if passed.is_ok() { &["down", "--wipe"] } else { &["down"] };
    let ended = work.run(&mut soak::own(down, directory));
    passed.and(ended)
}

fn on_parts(work: &mut Work, directory: &Path, file: &Path) -> Result<()> {
    let mut ports = tree::cargo(["test", "--workspace", "--locked", "--test", "real"]);
    work.run(ports.env("SIEGEL_PARTS_DIR", directory))?;
    let mut stories = tree::cargo(["test", "--workspace", "--locked", "--test", "it", "--"]);
    work.run(stories.args(STORIES).env("SIEGEL_E2E_PARTS", file))
}
