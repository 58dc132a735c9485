//! The stage of `cargo xtask test` that runs on the real parts: starts all of them in a directory of its own, runs the
//! contracts of the ports, the stories end to end in each arrangement and the faults, and leaves nothing behind if they pass.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, anyhow, ensure};

use super::soak;
use crate::needs::Need;
use crate::work::{Stopwatch, Work};
use crate::{stage, tree};

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

/// How the platform is put together while the stories of `tests/e2e` are told on these parts. On embedded ones they are told by
/// `cargo test`.
struct Arrangement {
    /// For the stage's note.
    name: &'static str,
    /// As `tests/e2e/src/arrangement.rs` knows it.
    choice: &'static str,
    /// Modules of tests that are about something else; each says in its first lines what.
    without: &'static [&'static str],
}

const ARRANGEMENTS: [Arrangement; 2] = [
    Arrangement { name: "stories, all in one", choice: "one-process", without: &["child::", "programs::"] },
    Arrangement { name: "stories, as six programs", choice: "six-programs", without: &["child::", "inside::"] },
];

/// The stage.
pub(crate) fn test(work: &mut Work) -> Result<String> {
    // Beside the stages' logs.
    let directory = tree::target().join("xtask").join("parts");
    let mut note = String::new();
    on_parts_of_its_own(work, &directory, |work, file| {
        // Each is run whatever became of the ones before: whoever mends wants to know of all of them.
        let mut failed = Vec::new();
        let mut run = |name: &str, what: &mut dyn FnMut(&mut Work) -> Result<()>| {
            let watch = Stopwatch::start();
            let done = what(work);
            let state = if done.is_ok() { "" } else { "  FAILED" };
            note += &format!("\n    {name:<30} {:>8}{state}", stage::seconds(watch.elapsed()));
            failed.extend(done.err().map(|error| format!("{name}: {error:#}")));
        };
        run("contracts of the ports", &mut |work| {
            let mut ports = tree::cargo(["test", "--workspace", "--locked", "--test", "real"]);
            work.run(ports.env("SIEGEL_PARTS_DIR", &directory))
        });
        for arrangement in ARRANGEMENTS {
            run(arrangement.name, &mut |work| stories(work, file, &arrangement));
        }
        run("faults, with a ledger", &mut |work| soak::faults(work, file, 1, soak::SHORT));
        ensure!(failed.is_empty(), "{}{note}", failed.join("\n"));
        Ok(())
    })?;
    Ok(note)
}

/// Starts all parts in a directory, hands the file that names them to `tests`, and ends the parts.
pub(crate) fn on_parts_of_its_own(
    work: &mut Work,
    directory: &Path,
    tests: impl FnOnce(&mut Work, &Path) -> Result<()>,
) -> Result<()> {
    work.run(&mut own(&["up"], directory))?;
    let file = directory.join("parts.toml");
    let passed = match file.is_file() {
        true => tests(work, &file),
        false => Err(anyhow!("{} is not there, although the parts came up", file.display())),
    };
    // Databases of a run that went well are nobody's any more; after another one, state and logs are what is looked at.
    let down: &[&str] = if passed.is_ok() { &["down", "--wipe"] } else { &["down"] };
    let ended = work.run(&mut own(down, directory));
    passed.and(ended)
}

fn stories(work: &mut Work, file: &Path, arrangement: &Arrangement) -> Result<()> {
    let mut stories = tree::cargo(["test", "--workspace", "--locked", "--test", "e2e", "--"]);
    stories.args(arrangement.without.iter().flat_map(|module| ["--skip", module]));
    work.run(stories.env("SIEGEL_E2E_PARTS", file).env("SIEGEL_E2E_ARRANGEMENT", arrangement.choice))
}

/// A child that is this program.
fn own(words: &[&str], directory: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(words).env("SIEGEL_PARTS_DIR", directory);
    command
}
