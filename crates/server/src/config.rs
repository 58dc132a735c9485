//! What can be set. Every setting has a default; a file may set some (`--config`), a flag overrides the file.
//! Unknown fields are refused, all errors are reported at once (`siegel-admin config check`).

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use siegel_key_directory::config::KeyDirectoryConfig;
use siegel_notification::NotificationConfig;
use siegel_operator::config::OperatorConfig;
use siegel_operator::dealer::DealerApiConfig;
use siegel_platform::config::Mistake;
use siegel_platform::host::{HostConfig, PartsChoice, SETTINGS};
use siegel_platform::http::Limits;
use siegel_platform::peer::SERVICES;
use siegel_platform::quota::Quota;
use siegel_platform::telemetry::TelemetryConfig;
use siegel_retention::RetentionConfig;
use siegel_upload::UploadConfig;

/// The whole configuration of `siegel-server`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Where databases, zones and keys lie.
    pub state_dir: PathBuf,
    /// The key that seals the secrets file; should lie elsewhere. `<state_dir>/secrets.key` if absent.
    pub key_file: Option<PathBuf>,
    /// The one address it listens on. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The address clients use, if it is not `https://localhost:<port>`: behind a proxy, or by a name.
    pub public_url: Option<String>,
    /// Further names and addresses the certificate is made for.
    pub host_names: Vec<String>,
    /// Speak plain HTTP; refused on anything but loopback.
    pub plain_http: bool,
    /// Where both zones lie, for example `EU` (C12).
    pub jurisdiction: String,
    /// On which parts it runs: `embedded`, or a file that says where PostgreSQL and S3 are.
    pub parts: PartsChoice,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// Bounds of the listener.
    pub limits: Limits,
    /// What one institution may take.
    pub quota: Quota,
    /// The key directory's settings.
    pub key_directory: KeyDirectoryConfig,
    /// Upload's settings.
    pub upload: UploadConfig,
    /// Retention's settings.
    pub retention: RetentionConfig,
    /// Notification's settings.
    pub notification: NotificationConfig,
    /// The operator's settings.
    pub operator: OperatorConfig,
    /// The dealer API's settings.
    pub dealer_api: DealerApiConfig,
}

/// Every setting at its default, with what it means; a service's section as its own program prints it.
pub fn default_text() -> String {
    let sections = [
        ("key_directory", siegel_key_directory::program().settings),
        ("upload", siegel_upload::program().settings),
        ("retention", siegel_retention::program().settings),
        ("notification", siegel_notification::program().settings),
        ("operator", siegel_operator::program().settings),
        ("dealer_api", siegel_operator::dealer::program().settings),
    ];
    let sections = sections.map(|(name, text)| text.replacen("[service]", &format!("[{name}]"), 1));
    [include_str!("../config.default.toml"), SETTINGS, &sections.join("\n")].concat()
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("siegel-state"),
            key_file: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            public_url: None,
            host_names: Vec::new(),
            plain_http: false,
            jurisdiction: "EU".to_owned(),
            parts: PartsChoice::default(),
            telemetry: TelemetryConfig::default(),
            limits: Limits::default(),
            quota: Quota::default(),
            key_directory: KeyDirectoryConfig::default(),
            upload: UploadConfig::default(),
            retention: RetentionConfig::default(),
            notification: NotificationConfig::default(),
            operator: OperatorConfig::default(),
            dealer_api: DealerApiConfig::default(),
        }
    }
}

impl ServerConfig {
    /// Where the key file lies.
    pub fn key_file(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| self.state_dir.join("secrets.key"))
    }

    /// What the process is told; all services are in it.
    pub fn host(&self) -> HostConfig {
        HostConfig {
            state_dir: self.state_dir.clone(),
            key_file: self.key_file(),
            listen: self.listen,
            public_url: self.public_url.clone(),
            host_names: self.host_names.clone(),
            plain_http: self.plain_http,
            jurisdiction: self.jurisdiction.clone(),
            limits: self.limits,
            quota: self.quota,
            services: SERVICES.into(),
            parts: self.parts.clone(),
            inside: None,
        }
    }

    /// Settings that can't hold together, all at once, each with what to do.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut found = self.host().mistakes();
        let own = (siegel_upload::program().check)(&self.upload).into_iter();
        found.extend(own.map(|own| Mistake { field: format!("upload.{}", own.field), what: own.what }));
        found
    }
}
