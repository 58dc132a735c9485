//! What a stage works with: a log file that takes all output, and commands that write into it.
//!
//! A reader of the console wants one line per stage, and everything of the one stage that failed.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// One stage's log, open for writing.
pub(crate) struct Work {
    log: File,
    path: PathBuf,
}

impl Work {
    /// A fresh log named after the stage.
    pub(crate) fn new(stage: &str) -> Result<Self> {
        let path = Self::path_of(stage);
        let directory = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        let log = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(Self { log, path })
    }

    /// Where the log of a stage lies, whichever process writes it.
    pub(crate) fn path_of(stage: &str) -> PathBuf {
        crate::tree::target().join("xtask").join(format!("{}.log", stage.replace([' ', '/'], "-")))
    }

    /// Where the log lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A line for the log only.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.log, "{line}").context("write the log")
    }

    /// Runs a command with all its output in the log; anything but success is an error.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<()> {
        let shown = self.announce(command)?;
        let status = command
            .stdin(Stdio::null())
            .stdout(self.log.try_clone()?)
            .stderr(self.log.try_clone()?)
            .status()
            .with_context(|| format!("start {shown}"))?;
        if !status.success() {
            bail!("{shown} ended with {status}");
        }
        Ok(())
    }

    /// Runs a command and answers with its standard output; the rest goes to the log.
    pub(crate) fn output(&mut self, command: &mut Command) -> Result<Vec<u8>> {
        let shown = self.announce(command)?;
        let output = command
            .stdin(Stdio::null())
            .stderr(self.log.try_clone()?)
            .output()
            .with_context(|| format!("start {shown}"))?;
        if !output.status.success() {
            self.log.write_all(&output.stdout)?;
            bail!("{shown} ended with {}", output.status);
        }
        Ok(output.stdout)
    }

    fn announce(&mut self, command: &Command) -> Result<String> {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let shown = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        self.say(&format!("$ {shown}"))?;
        Ok(shown)
    }
}

/// Real time, for the table of minutes.
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the one place where xtask reads a clock: stages take real time")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where xtask reads a clock: stages take real time")]
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
