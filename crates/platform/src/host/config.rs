//! What every process is told, whatever runs in it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use crate::config::Mistake;
use crate::http::Limits;
use crate::peer::Callers;
use crate::quota::Quota;

/// The sections `[telemetry]`, `[limits]` and `[quota]` with every setting at its default and what it means: the same in each
/// program's configuration.
pub const SETTINGS: &str = include_str!("settings.toml");

/// On which parts the platform runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "String")]
pub enum PartsChoice {
    /// SQLite, two directories, a sealed file: everything in the state directory.
    #[default]
    Embedded,
    /// PostgreSQL, S3, Vault and Kafka, as a file says ([`crate::parts`]).
    File(PathBuf),
}

impl From<String> for PartsChoice {
    fn from(text: String) -> Self {
        if text == "embedded" { Self::Embedded } else { Self::File(text.into()) }
    }
}

impl FromStr for PartsChoice {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_owned().into())
    }
}

/// Where a process stands and where it listens.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where databases, zones and keys lie.
    pub state_dir: PathBuf,
    /// The key that seals the secrets file.
    pub key_file: PathBuf,
    /// The public address. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The address clients use, if it is not `https://localhost:<port>`.
    pub public_url: Option<String>,
    /// Further names and addresses the certificate is made for.
    pub host_names: Vec<String>,
    /// Speak plain HTTP; refused on anything but loopback.
    pub plain_http: bool,
    /// Where both zones lie, for example `EU` (C12).
    pub jurisdiction: String,
    /// Bounds of the listeners.
    pub limits: Limits,
    /// What one institution may take of it.
    pub quota: Quota,
    /// What it all stands on.
    pub parts: PartsChoice,
    /// The services that run in this process.
    pub services: Vec<&'static str>,
    /// The way to those that do not; none if all are here.
    pub inside: Option<Inside>,
}

/// One service among other processes on the same state directory.
#[derive(Debug, Clone)]
pub struct Inside {
    /// The service, whose name its certificate bears.
    pub name: &'static str,
    /// Where it answers other services.
    pub listen: SocketAddr,
    /// Who may call what of it.
    pub callers: Callers,
    /// Where the others answer, `host:port` by name.
    pub peers: BTreeMap<String, String>,
}

impl HostConfig {
    /// Settings that can't hold together, each with what to do.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut found = self.quota.mistakes();
        let mut mistake = |field: &str, what: String| found.push(Mistake { field: field.to_owned(), what });
        if self.plain_http && !self.listen.ip().is_loopback() {
            let what = format!("{} is not a loopback address; remove plain_http or listen on 127.0.0.1", self.listen);
            mistake("plain_http", what);
        }
        if self.parts != PartsChoice::Embedded && !cfg!(feature = "real") {
            let what = "this program was built without the adapters of real parts; build it with --features real";
            mistake("parts", what.to_owned());
        }
        if let Some(url) = &self.public_url {
            // Behind a front the address may be https although this process speaks plain HTTP on loopback.
            let scheme = url.starts_with("https://") || (self.plain_http && url.starts_with("http://"));
            if !scheme || url.ends_with('/') {
                let scheme = if self.plain_http { "http:// or https://" } else { "https://" };
                mistake("public_url", format!("must start with {scheme} and not end with a slash"));
            }
        }
        found
    }
}
