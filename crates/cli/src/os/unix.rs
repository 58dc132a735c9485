//! Unix.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use interprocess::local_socket::tokio::Listener;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, Name, ToFsName as _};
use interprocess::os::unix::local_socket::ListenerOptionsExt as _;

use super::Address;

/// In the user's runtime directory, which dies with the login; else beside the profile.
pub(super) fn agent_path(profile: &Path, name: &str) -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute() && dir.is_dir()) {
        Some(dir) => dir.join("siegel").join(format!("{name}.sock")),
        None => profile.join("agent.sock"),
    }
}

pub(super) fn name(address: &Address) -> io::Result<Name<'_>> {
    address.0.as_path().to_fs_name::<GenericFilePath>()
}

pub(super) fn listen(address: &Address) -> io::Result<Listener> {
    let options = || ListenerOptions::new().name(name(address)?).mode(0o600).create_tokio();
    match options() {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            // Its agent is gone, or the caller would have reached it.
            std::fs::remove_file(&address.0)?;
            options()
        }
        other => other,
    }
}

/// Prepares a command to outlive this terminal. The rest of it (a session of its own) the child does in [`harden`].
pub(crate) fn detach(_: &mut Command) {}

/// Called first thing in the agent: its own session, so that closing the terminal does not end it; no core file and no
/// debugger, so that its memory stays its own.
pub(crate) fn harden() {
    let _ = rustix::process::setsid();
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let limit = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, limit);
}

/// Asks another process to finish what it does and end. Answers whether it could be asked.
pub(crate) fn ask_to_stop(process: u32) -> bool {
    let id = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    id.is_some_and(|id| rustix::process::kill_process(id, rustix::process::Signal::TERM).is_ok())
}
