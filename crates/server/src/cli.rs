//! The command line of `siegel-server`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use siegel_platform::host::PartsChoice;
use siegel_platform::telemetry::LogFormat;

use crate::config::ServerConfig;

/// Runs the whole platform in one process on one HTTPS address, from a state directory, until it is stopped (ctrl-c or SIGTERM:
/// running requests are finished).
#[derive(Debug, Parser)]
#[command(
    name = "siegel-server",
    version,
    after_help = "Examples:\n  siegel-server --state ./state\n  siegel-server --state /var/lib/siegel --key-file /etc/siegel/secrets.key \\\n      --listen 0.0.0.0:8443 --public-url https://siegel.example\n  siegel-server openapi > openapi.json"
)]
pub struct Args {
    /// What to do; runs the platform if absent.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// TOML file with settings; `siegel-admin config default` prints one with comments.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where databases, zones and keys lie [default: ./siegel-state].
    #[arg(long, value_name = "DIR", env = "SIEGEL_STATE")]
    pub state: Option<PathBuf>,
    /// The key that seals the secrets file; should lie elsewhere [default: <state>/secrets.key].
    #[arg(long, value_name = "FILE", env = "SIEGEL_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// Address to listen on; port 0 lets the system choose [default: 127.0.0.1:8443].
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// The address clients use [default: https://localhost:<port>].
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// A further name or address in the certificate; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub host_name: Vec<String>,
    /// What it runs on: `embedded`, or a file that says where PostgreSQL and S3 are [default: embedded].
    #[arg(long, value_name = "FILE", env = "SIEGEL_PARTS")]
    pub parts: Option<PartsChoice>,
    /// Speak plain HTTP, on loopback only, for example behind a proxy on the same machine.
    #[arg(long)]
    pub plain_http: bool,
    /// Write logs as JSON, an object a line.
    #[arg(long)]
    pub json_logs: bool,
    /// What is logged: `warn`, `info`, `siegel=debug,info` … [default: info].
    #[arg(long, value_name = "FILTER", env = "SIEGEL_LOG")]
    pub log: Option<String>,
    /// Write a JSON file with `url`, `ca_file` and `pid` once requests are answered; for scripts.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

/// Other things it can do.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Print the OpenAPI 3.1 document of the public API.
    Openapi,
    /// Print the AsyncAPI 3 document of the events, at Kafka and streamed.
    Asyncapi,
}

impl Args {
    /// Flags over what the file says.
    pub fn apply(&self, mut config: ServerConfig) -> ServerConfig {
        fn set<T: Clone>(slot: &mut T, flag: Option<&T>) {
            if let Some(value) = flag {
                *slot = value.clone();
            }
        }
        set(&mut config.state_dir, self.state.as_ref());
        set(&mut config.parts, self.parts.as_ref());
        set(&mut config.listen, self.listen.as_ref());
        set(&mut config.telemetry.filter, self.log.as_ref());
        if self.json_logs {
            config.telemetry.format = LogFormat::Json;
        }
        config.key_file = self.key_file.clone().or(config.key_file);
        config.public_url = self.public_url.clone().or(config.public_url);
        config.host_names.extend(self.host_name.iter().cloned());
        config.plain_http |= self.plain_http;
        config
    }
}
