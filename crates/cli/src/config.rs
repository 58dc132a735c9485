//! The configuration file: what a user would otherwise type every time. Nothing secret stands in it. Unknown names are
//! refused, so that a misspelt option is not silently without effect.

use std::path::PathBuf;

use serde::Deserialize;

use crate::error::{Exit, Failure, Result};
use crate::os::Paths;

/// `config.toml`. `docs/cli.md` shows it whole; every name is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// `de` or `en`.
    pub(crate) lang: Option<String>,
    /// The profile to use when `--profile` does not say.
    pub(crate) profile: Option<String>,
    /// Seconds for which a broken line is bridged; 45 if absent.
    pub(crate) bridge_seconds: Option<u64>,
    /// Minutes without use after which the agent forgets the keys; 15 if absent.
    pub(crate) agent_idle_minutes: Option<u64>,
    /// A PEM file of CAs to believe for hosts without a CA of their own.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file; absent is empty.
    pub(crate) fn load(paths: &Paths) -> Result<Self> {
        let path = paths.config_file();
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|why| {
                Failure::own(Exit::Local, "config-invalid").with("path", path.display()).with("why", why)
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Failure::file(&path)(error)),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())
    }

    /// Sets the default profile in the file and leaves the rest of it as it is.
    pub(crate) fn set_profile(paths: &Paths, name: &str) -> Result<()> {
        let path = paths.config_file();
        let old = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::file(&path)(error)),
        };
        siegel_client::os::private_dir(paths.config_dir()).map_err(Failure::file(paths.config_dir()))?;
        siegel_client::os::replace(&path, with_profile(&old, name).as_bytes()).map_err(Failure::file(&path))
    }
}

/// Replaces the line `profile = …`, or puts one in front.
fn with_profile(text: &str, name: &str) -> String {
    let line = format!("profile = \"{name}\"");
    let is_line =
        |line: &&str| line.trim_start().strip_prefix("profile").is_some_and(|rest| rest.trim_start().starts_with('='));
    if text.lines().any(|line| is_line(&line)) {
        let lines = text.lines().map(|old| if is_line(&old) { line.as_str() } else { old });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    } else {
        format!("{line}\n{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented sample is a valid file that names every option.
    #[test]
    fn the_documented_sample_parses() {
        let page = include_str!("../../../docs/cli.md");
        let sample = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let config = Config::parse(sample).unwrap();
        assert!(config.lang.is_some() && config.profile.is_some() && config.bridge_seconds.is_some());
        assert!(config.agent_idle_minutes.is_some() && config.ca_file.is_some());
    }

    #[test]
    fn misspelt_names_are_refused_and_files_can_be_absent() {
        assert!(Config::parse("bridge_second = 3").is_err());
        assert!(Config::parse("lang = 3").is_err());
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(Config::load(&Paths::at(temp.path())).unwrap(), Config::default());
    }

    #[test]
    fn setting_the_profile_leaves_the_rest() {
        assert_eq!(with_profile("", "a"), "profile = \"a\"\n");
        assert_eq!(with_profile("# mine\nlang = \"de\"\n", "a"), "profile = \"a\"\n# mine\nlang = \"de\"\n");
        assert_eq!(with_profile("profile= \"b\"\nlang = \"de\"\n", "a"), "profile = \"a\"\nlang = \"de\"\n");
    }
}
