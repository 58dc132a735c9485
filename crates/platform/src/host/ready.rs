//! Telling scripts, and `siegel-admin` beside us, that the process answers, and where.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::Process;
use crate::files::{self, Visibility};

/// What the file holds.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    url: &'a str,
    ca_file: Option<&'a Path>,
    pid: u32,
    listen: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    internal_listen: Option<SocketAddr>,
}

impl Process {
    /// Writes a ready file, whole or not at all.
    pub fn write_ready_file(&self, path: &Path) -> Result<()> {
        let ca_file = self.host().ca_file();
        let ready = Ready {
            url: &self.host().ctx.public_url,
            ca_file: ca_file.as_deref(),
            pid: std::process::id(),
            listen: self.address(),
            internal_listen: self.internal_address(),
        };
        files::replace(path, &serde_json::to_vec(&ready)?, Visibility::Public)
            .with_context(|| format!("write {}", path.display()))
    }

    /// Leaves `server.json` in the state directory, where `siegel-admin dealer add` looks for the address. Whoever hosts
    /// the key directory, to which that address leads.
    pub fn announce(&self) -> Result<()> {
        if !self.hosts("key-directory") {
            return Ok(());
        }
        self.write_ready_file(&self.host().ctx.state_dir.join("server.json"))
    }
}
