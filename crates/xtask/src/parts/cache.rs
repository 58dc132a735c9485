//! The parts' programs, built or fetched once into a cache outside the tree, by the versions that `infra/` pins.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::site::passable;
use crate::work::Work;
use crate::{machine, tools, tree};

/// What is put there, and how.
pub(crate) enum Source {
    /// A program of a Go module that `go.mod` and `go.sum` pin, by its package.
    Go { package: &'static str },
    /// Python packages, with hashes.
    Python,
    /// Jars, with hashes.
    Maven,
}

/// One program: `<name>-<version>/` in the cache.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The directory of `infra/` that pins it.
    pub(crate) pinned: &'static str,
    pub(crate) source: Source,
}

/// Its presence says that nothing is half done, and its content from what.
const COMPLETE: &str = "complete";

impl Tool {
    /// Where it lies.
    pub(crate) fn home(&self) -> Result<PathBuf> {
        let name = format!("{}-{}", self.name, self.version);
        let home = machine::cache_base()?.join("parts").join(&name);
        // PostgreSQL's user has to reach its supervisor, and can't enter root's own directories.
        Ok(passable(home, || Path::new("/var/cache/siegel/parts").join(&name)))
    }

    /// Whether it is there, made from what the tree pins today.
    pub(crate) fn found(&self) -> bool {
        let made_from = self.home().and_then(|home| Ok(fs::read_to_string(home.join(COMPLETE))?));
        made_from.is_ok_and(|made_from| self.pins().is_ok_and(|pins| pins == made_from))
    }

    /// Puts it there.
    pub(crate) fn provide(&self, work: &mut Work) -> Result<()> {
        let home = self.home()?;
        fs::create_dir_all(&home).with_context(|| format!("create {}", home.display()))?;
        // Two work trees may start at once.
        let lock = File::create(home.with_extension("lock"))?;
        lock.lock()?;
        if self.found() {
            return Ok(());
        }
        match self.source {
            Source::Go { package } => {
                let pinned = tree::root().join(self.pinned);
                let mut go = Command::new(go().context("go is not there")?);
                go.args(["build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(home.join(self.name));
                // No other version of Go is fetched for it.
                go.arg(package).current_dir(pinned).env("GOTOOLCHAIN", "local").env("GOFLAGS", "-buildvcs=false");
                work.run(&mut go)?;
            }
            Source::Python => {
                // Debian's own: another one's interpreter may lie where PostgreSQL's user can't enter.
                tools::make_system_venv(work, &home, &format!("{}/requirements.txt", self.pinned))?;
            }
            Source::Maven => self.fetch_jars(work, &home)?,
        }
        fs::write(home.join(COMPLETE), self.pins()?).context("mark the program as complete")
    }

    fn fetch_jars(&self, work: &mut Work, home: &Path) -> Result<()> {
        let jars = home.join("jars");
        let pom = tree::root().join(self.pinned).join("pom.xml");
        let mut maven = tree::program("mvn");
        maven.args(["--batch-mode", "--quiet", "-f"]).arg(pom).arg("dependency:copy-dependencies");
        maven.arg("-DincludeScope=runtime").arg(format!("-DoutputDirectory={}", jars.display()));
        work.run(&mut maven)?;
        let sums = tree::root().join(self.pinned).join("jars.sha256");
        let counted = fs::read_to_string(&sums)?.lines().count();
        work.run(tree::program("sha256sum").args(["--check", "--strict", "--quiet"]).arg(&sums).current_dir(&jars))?;
        if fs::read_dir(&jars)?.count() != counted {
            bail!("{} holds other jars than {}: take it away and try again", jars.display(), sums.display());
        }
        Ok(())
    }

    /// What in the tree decides what is made.
    fn pins(&self) -> Result<String> {
        let files: &[&str] = match self.source {
            Source::Go { package: "." } => &["go.sum", "program.go"], // a program of ours
            Source::Go { .. } => &["go.sum"],
            Source::Python => &["requirements.txt"],
            Source::Maven => &["jars.sha256"],
        };
        let read = |file: &&str| {
            let path = tree::root().join(self.pinned).join(file);
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
        };
        files.iter().map(read).collect()
    }
}

/// Go, in the path or where its own installation puts it.
pub(crate) fn go() -> Option<PathBuf> {
    let usual = PathBuf::from("/usr/local/go/bin/go");
    machine::which("go").or_else(|| usual.is_file().then_some(usual))
}
