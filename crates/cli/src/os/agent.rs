//! How a command reaches its agent: a socket of mode 0600 in a directory of mode 0700, or a named pipe that only its
//! owner may open. One address for each profile.

use std::io;
use std::path::{Path, PathBuf};

use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::tokio::Stream as _;
use siegel_client::os::private_dir;

use super::system;

/// Where the agent of a profile listens.
#[derive(Debug, Clone)]
pub(crate) struct Address(pub(super) PathBuf);

impl Address {
    /// The address for the profile in `dir`; the same for each program that names the same directory.
    pub(crate) fn of(dir: &Path) -> Self {
        let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let name = siegel_envelope::Digest::of(absolute.as_os_str().as_encoded_bytes()).to_hex();
        Self(system::agent_path(dir, &name[..24]))
    }
}

/// Starts listening, for this user alone. A socket that a killed agent left behind is replaced.
pub(crate) fn listen(address: &Address) -> io::Result<Listener> {
    if let Some(parent) = address.0.parent().filter(|_| cfg!(unix)) {
        private_dir(parent)?;
    }
    system::listen(address)
}

/// Connects to the agent, if one listens.
pub(crate) async fn connect(address: &Address) -> io::Result<Stream> {
    Stream::connect(system::name(address)?).await
}
