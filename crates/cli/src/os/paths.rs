//! Where things lie.
//!
//! | | Linux | Windows |
//! |---|---|---|
//! | configuration and profiles | `$XDG_CONFIG_HOME/siegel` or `~/.config/siegel` | `%APPDATA%\siegel` |
//! | agent | socket in `$XDG_RUNTIME_DIR/siegel` or beside the profile | named pipe |
//!
//! `SIEGEL_CONFIG_DIR` moves all of it, for tests and for machines with several users on one account.

use std::path::{Path, PathBuf};

use siegel_client::profile::ProfileDir;

use crate::error::{Failure, Result};

/// The directories of this user.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    config: PathBuf,
}

impl Paths {
    /// From the environment.
    pub(crate) fn from_env() -> Result<Self> {
        Self::find(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
            .ok_or_else(|| Failure::usage("paths-no-home"))
    }

    fn find(var: impl Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        let config = var("SIEGEL_CONFIG_DIR").or_else(|| {
            if cfg!(windows) {
                var("APPDATA").map(|dir| dir.join("siegel"))
            } else if cfg!(target_os = "macos") {
                var("HOME").map(|home| home.join("Library/Application Support/siegel"))
            } else {
                let absolute = var("XDG_CONFIG_HOME").filter(|dir| dir.is_absolute());
                absolute.or_else(|| var("HOME").map(|home| home.join(".config"))).map(|dir| dir.join("siegel"))
            }
        })?;
        Some(Self { config })
    }

    /// Everything under one directory.
    #[cfg(test)]
    pub(crate) fn at(config: impl Into<PathBuf>) -> Self {
        Self { config: config.into() }
    }

    /// The configuration directory.
    pub(crate) fn config_dir(&self) -> &Path {
        &self.config
    }

    /// The configuration file.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The profile of that name.
    pub(crate) fn profile(&self, name: &str) -> ProfileDir {
        ProfileDir::at(self.config.join("profiles").join(name))
    }

    /// Names of the profiles that exist, sorted.
    pub(crate) fn profiles(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.config.join("profiles")) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| self.profile(name).exists()).collect();
        names.sort();
        names
    }
}

/// Whether a text can name a profile: it becomes a directory.
pub(crate) fn is_profile_name(text: &str) -> bool {
    (1..=60).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && !text.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_where_things_lie() {
        let find = |vars: &[(&str, &str)]| {
            Paths::find(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| PathBuf::from(v)))
        };
        let config = |vars: &[(&str, &str)]| find(vars).map(|paths| paths.config);
        assert_eq!(config(&[("SIEGEL_CONFIG_DIR", "/x"), ("HOME", "/h")]), Some("/x".into()));
        if cfg!(target_os = "linux") {
            assert_eq!(config(&[("HOME", "/h")]), Some("/h/.config/siegel".into()));
            assert_eq!(config(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")]), Some("/c/siegel".into()));
            assert_eq!(config(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "rel")]), Some("/h/.config/siegel".into()));
        }
        assert!(config(&[]).is_none());
    }

    #[test]
    fn a_profile_name_is_one_plain_directory_name() {
        assert!(is_profile_name("herzzentrum-nord_2"));
        for bad in ["", ".", "..", "a/b", "a\\b", "-x", "ä", &"x".repeat(61)] {
            assert!(!is_profile_name(bad), "{bad}");
        }
    }
}
