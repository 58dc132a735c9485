//! The machine under us: programs in the path, the cache, Debian's packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};

use crate::work::Work;

/// Where tools that take long to make are kept between runs, each under a name with its version: outside the tree, so
/// that a fresh clone finds them.
pub(crate) fn cache(name: &str) -> Result<PathBuf> {
    let directory = cache_base()?.join("tools").join(name);
    std::fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    Ok(directory)
}

/// The directory of everything of ours that can be made again.
pub(crate) fn cache_base() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .ok_or_else(|| anyhow!("neither XDG_CACHE_HOME nor a home directory is set: no place for a cache"))?;
    Ok(base.join("siegel"))
}

/// A program by its name, if it is in the path.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// First line a program prints, if it is there and says so without complaint.
pub(crate) fn says(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

/// The numbers of a version such as `v20.20.2` or `Python 3.11.7`.
pub(crate) fn version(text: &str) -> Option<(u32, u32)> {
    let digits = text.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let mut parts = digits.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next().flatten().unwrap_or(0)))
}

/// Whether Debian's packages can be installed by us.
pub(crate) fn may_apt() -> bool {
    which("apt-get").is_some() && says(Command::new("id").arg("-u")).is_some_and(|user| user == "0")
}

/// Fails if the disk of `directory` has less room than what is to come takes: a disk that fills up breaks everything that stands on
/// it, and looks like any other fault.
pub(crate) fn room(directory: &Path, gib: u64, what: &str) -> Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let mut df = Command::new("df");
    let output = df.args(["--block-size=1G", "--output=avail"]).arg(directory).output().context("df")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let free: u64 = said.split_whitespace().next_back().and_then(|free| free.parse().ok()).context("what df says")?;
    ensure!(
        free >= gib,
        "{what} takes up to {gib} GiB, and the disk of {} has {free} free: make room, for instance by `cargo clean`",
        directory.display()
    );
    Ok(())
}

/// Installs Debian packages; the package lists are fetched once per run.
pub(crate) fn apt(work: &mut Work, packages: &[&str]) -> Result<()> {
    static UPDATED: OnceLock<()> = OnceLock::new();
    if UPDATED.set(()).is_ok() {
        work.run(Command::new("apt-get").arg("update"))?;
    }
    work.run(
        Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

#[cfg(test)]
mod tests {
    use super::{room, version};

    #[test]
    fn what_needs_more_room_than_there_is_does_not_begin() {
        let here = std::env::temp_dir();
        room(&here, 0, "nothing").unwrap();
        let refused = room(&here, 1 << 40, "a test").unwrap_err().to_string();
        assert!(refused.starts_with("a test takes up to 1099511627776 GiB"), "{refused}");
    }

    #[test]
    fn versions_are_read_as_programs_print_them() {
        assert_eq!(version("v20.20.2"), Some((20, 20)));
        assert_eq!(version("Python 3.11.7"), Some((3, 11)));
        assert_eq!(version("cargo-deny 0.20.2"), Some((0, 20)));
        assert_eq!(version("none"), None);
    }
}
