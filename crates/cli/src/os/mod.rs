//! Everything that differs between operating systems: where files go, how an agent is reached and started, which
//! language the user has. (Files that must stay private are made by `siegel_client::os`.) The rest of the program has
//! no `cfg(unix)` and no path of its own.

mod agent;
mod paths;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

pub(crate) use agent::{Address, connect, listen};
pub(crate) use paths::{Paths, is_profile_name};
pub(crate) use system::{ask_to_stop, detach, harden};

/// The user's language as the system names it, for example `de_AT.UTF-8` or `de-AT`.
pub(crate) fn locale() -> Option<String> {
    // What people set by hand comes first, also on Windows.
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .or_else(sys_locale::get_locale)
}
