//! Windows: senders are Windows PCs.

use std::io;
use std::os::windows::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use interprocess::local_socket::tokio::Listener;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, Name, ToFsName as _};
use interprocess::os::windows::local_socket::ListenerOptionsExt as _;
use interprocess::os::windows::security_descriptor::SecurityDescriptor;

use super::Address;

/// Full access for the owner of the pipe, none for anybody else (SDDL).
const OWNER_ONLY: &str = "D:P(A;;GA;;;OW)";
/// No console window of its own, not in the console's group (`CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP`).
const DETACHED: u32 = 0x0800_0000 | 0x0000_0200;

pub(super) fn agent_path(_: &Path, name: &str) -> PathBuf {
    PathBuf::from(format!(r"\\.\pipe\siegel-{name}"))
}

pub(super) fn name(address: &Address) -> io::Result<Name<'_>> {
    address.0.as_path().to_fs_name::<GenericFilePath>()
}

pub(super) fn listen(address: &Address) -> io::Result<Listener> {
    let sddl = widestring::U16CString::from_str(OWNER_ONLY).map_err(io::Error::other)?;
    let descriptor = SecurityDescriptor::deserialize(&sddl)?;
    ListenerOptions::new().name(name(address)?).security_descriptor(descriptor).create_tokio()
}

/// Prepares a command to outlive this console.
pub(crate) fn detach(command: &mut Command) {
    command.creation_flags(DETACHED);
}

/// Windows writes no core files by itself; error reporting is the administrator's to switch off.
pub(crate) fn harden() {}

/// Windows has no polite way to ask a process without a window; the caller ends it.
pub(crate) fn ask_to_stop(_: u32) -> bool {
    false
}
