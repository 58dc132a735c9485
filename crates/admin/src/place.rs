//! Where everything of an installation lies: from the flags, the configuration, and what the server left at its start.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use siegel_platform::host::{Beside, PartsChoice};
use siegel_server::ServerConfig;

use crate::args::Args;
use crate::cmd::config::load;

/// An installation.
#[derive(Debug)]
pub struct Place {
    /// The server's configuration, the flags over it.
    pub config: ServerConfig,
}

/// What the server writes when it has started.
#[derive(Debug, Deserialize)]
struct Started {
    url: String,
}

impl Place {
    /// The installation that the flags name.
    pub fn find(args: &Args) -> Result<Self> {
        let mut config = match &args.config {
            Some(file) => load(file)?,
            None => ServerConfig::default(),
        };
        if let Some(state) = &args.state {
            config.state_dir.clone_from(state);
        }
        config.key_file = args.key_file.clone().or(config.key_file);
        if let Some(parts) = &args.parts {
            config.parts = parts.clone();
        }
        // Else it would look at embedded parts, and say that something is missing there.
        if config.parts != PartsChoice::Embedded && !cfg!(feature = "real") {
            bail!("this siegel-admin was built without the adapters of real parts; build it with --features real");
        }
        Ok(Self { config })
    }

    /// The state directory.
    pub fn state_dir(&self) -> &Path {
        &self.config.state_dir
    }

    /// A file in the state directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.config.state_dir.join(name)
    }

    /// Refuses a directory in which no server has ever started: making one here would look like a platform whose
    /// secrets are lost.
    pub fn require_started(&self) -> Result<()> {
        // On real parts databases lie elsewhere; what there is here is the certificate of the CA.
        let trace = if self.config.parts == PartsChoice::Embedded { "provider.db" } else { "ca" };
        if self.file(trace).exists() {
            return Ok(());
        }
        bail!(
            "{} is not a state directory of a server that has started. Name the right one with --state, or start the \
             server first: siegel-server --state {}",
            self.state_dir().display(),
            self.state_dir().display()
        )
    }

    /// Its secrets and databases.
    pub async fn open(&self) -> Result<Beside> {
        self.require_started()?;
        let key_file = self.config.key_file.clone().unwrap_or_else(|| self.file("secrets.key"));
        Beside::open(self.state_dir(), &key_file, &self.config.parts).await
    }

    /// The address clients use.
    pub fn public_url(&self) -> Result<String> {
        if let Some(url) = &self.config.public_url {
            return Ok(url.clone());
        }
        if let Ok(text) = std::fs::read(self.file("server.json")) {
            let started: Started = serde_json::from_slice(&text).context("read server.json in the state directory")?;
            return Ok(started.url);
        }
        let scheme = if self.config.plain_http { "http" } else { "https" };
        Ok(format!("{scheme}://localhost:{}", self.config.listen.port()))
    }
}
