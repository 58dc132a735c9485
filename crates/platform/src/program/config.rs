//! The configuration of a program that runs one service: what all of them are told, and a section of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::cli::FLAGS;
use super::{PUBLIC_URL, Program, ports};
use crate::config::{self, ConfigErrors, EnvVar, Loaded, Mistake};
use crate::host::{HostConfig, Inside, PartsChoice, SETTINGS};
use crate::http::Limits;
use crate::peer::SERVICES;
use crate::quota::Quota;
use crate::telemetry::TelemetryConfig;

/// What a program is told. `S` is the service's own section, `[service]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, bound(deserialize = "S: Deserialize<'de> + Default"))]
pub struct ProgramConfig<S> {
    /// Where databases, zones and keys lie; the same for all programs of the platform.
    pub state_dir: PathBuf,
    /// The key that seals the secrets file; should lie elsewhere. `<state_dir>/secrets.key` if absent.
    pub key_file: Option<PathBuf>,
    /// The public address, to which a front leads this service's paths. The program's own port on loopback if absent.
    pub listen: Option<SocketAddr>,
    /// The address for the other services, under mutual TLS. The program's own port on loopback if absent.
    pub internal_listen: Option<SocketAddr>,
    /// The one address clients use. Tokens are bound to it: the same for all programs.
    pub public_url: String,
    /// Further names and addresses the public certificate is made for.
    pub host_names: Vec<String>,
    /// Speak plain HTTP in public; refused on anything but loopback.
    pub plain_http: bool,
    /// Where both zones lie, for example `EU` (C12); the same for all programs.
    pub jurisdiction: String,
    /// On which parts the platform runs: `embedded`, or the file that says where PostgreSQL, S3, Vault and Kafka are.
    pub parts: PartsChoice,
    /// Where the other services answer, `host:port` by name; their own ports on loopback if absent.
    pub peers: BTreeMap<String, String>,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// Bounds of the listeners.
    pub limits: Limits,
    /// What one institution may take.
    pub quota: Quota,
    /// The service's own settings.
    pub service: S,
}

impl<S: Default> Default for ProgramConfig<S> {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("siegel-state"),
            key_file: None,
            listen: None,
            internal_listen: None,
            public_url: PUBLIC_URL.to_owned(),
            host_names: Vec::new(),
            plain_http: false,
            jurisdiction: "EU".to_owned(),
            parts: PartsChoice::Embedded,
            peers: BTreeMap::new(),
            telemetry: TelemetryConfig::default(),
            limits: Limits::default(),
            quota: Quota::default(),
            service: S::default(),
        }
    }
}

impl<S> ProgramConfig<S> {
    /// What the process is told.
    pub(super) fn host<P>(&self, program: &Program<P>) -> HostConfig {
        let here = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (public, internal) = ports(program.service());
        let mut peers: BTreeMap<String, String> =
            SERVICES.into_iter().map(|name| (name.to_owned(), here(ports(name).1).to_string())).collect();
        peers.extend(self.peers.clone());
        HostConfig {
            state_dir: self.state_dir.clone(),
            key_file: self.key_file.clone().unwrap_or_else(|| self.state_dir.join("secrets.key")),
            listen: self.listen.unwrap_or_else(|| here(public)),
            public_url: Some(self.public_url.clone()),
            host_names: self.host_names.clone(),
            plain_http: self.plain_http,
            jurisdiction: self.jurisdiction.clone(),
            limits: self.limits,
            quota: self.quota,
            services: vec![program.service()],
            parts: self.parts.clone(),
            inside: Some(Inside {
                name: program.service(),
                listen: self.internal_listen.unwrap_or_else(|| here(internal)),
                callers: program.callers,
                peers,
            }),
        }
    }
}

/// Reads the file, and over it what `said` knows of variables and flags.
pub(super) fn load<S: DeserializeOwned + Default>(
    program: &Program<S>,
    file: Option<&Path>,
    said: impl Fn(&str) -> Option<String>,
) -> Result<Loaded<ProgramConfig<S>>, ConfigErrors> {
    // Of two for the same field the last counts.
    let variables = FLAGS.iter().map(|flag| EnvVar { name: flag.variable, field: flag.field });
    let flags = FLAGS.iter().map(|flag| EnvVar { name: flag.name, field: flag.field });
    let over: Vec<_> = variables.chain(flags).collect();
    config::load(file, &over, said, |config: &ProgramConfig<S>| {
        let mut mistakes = config.host(program).mistakes();
        let own = (program.check)(&config.service).into_iter();
        mistakes.extend(own.map(|own| Mistake { field: format!("service.{}", own.field), what: own.what }));
        let unknown = config.peers.keys().filter(|name| !SERVICES.contains(&name.as_str()));
        mistakes.extend(unknown.map(|name| Mistake {
            field: format!("peers.{name}"),
            what: format!("is not a service; expected one of {}", SERVICES.join(", ")),
        }));
        mistakes
    })
}

/// Every setting at its default, with what it means.
pub(crate) fn default_text<S>(program: &Program<S>) -> String {
    let (public, internal) = ports(program.service());
    let peers: String = SERVICES.iter().map(|name| format!("# {name} = \"127.0.0.1:{}\"\n", ports(name).1)).collect();
    let own = include_str!("default.toml")
        .replace("{name}", program.name)
        .replace("{public}", &public.to_string())
        .replace("{internal}", &internal.to_string())
        .replace("{peers}", &peers);
    [&own, SETTINGS, program.settings].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Service;
    use crate::peer::Callers;

    #[derive(Debug, Clone, PartialEq, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Own {
        days: u32,
    }

    fn program() -> Program<Own> {
        Program {
            name: "siegel-upload",
            about: "Keeps records.",
            routes: &["/v1/records"],
            callers: Callers::NONE,
            settings: "[service]\n# Days.\ndays = 0\n",
            check: |_| Vec::new(),
            start: |_, _| Box::pin(std::future::ready(Ok(Service::new("upload")))),
        }
    }

    fn read(text: &str, said: &[(&str, &str)]) -> Result<ProgramConfig<Own>, ConfigErrors> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("upload.toml");
        std::fs::write(&file, text).unwrap();
        let get = |name: &str| said.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        load(&program(), Some(&file), get).map(|loaded| loaded.config)
    }

    #[test]
    fn the_default_text_says_the_defaults() {
        let read = read(&default_text(&program()), &[]).unwrap();
        let host = read.host(&program());
        assert_eq!((host.listen.port(), host.inside.as_ref().unwrap().listen.port()), (8452, 9452));
        let plain = ProgramConfig { listen: read.listen, internal_listen: read.internal_listen, ..Default::default() };
        assert_eq!(read, plain);
        assert_eq!(host.inside.unwrap().peers["key-directory"], "127.0.0.1:9451");
    }

    #[test]
    fn a_flag_overrides_a_variable_and_all_mistakes_are_told_together() {
        let said = [("--listen", "127.0.0.1:2"), ("SIEGEL_LISTEN", "127.0.0.1:1"), ("SIEGEL_STATE", "/srv/siegel")];
        let config = read("listen = '127.0.0.1:3'", &said).unwrap();
        assert_eq!(config.listen.unwrap().port(), 2);
        assert_eq!(config.state_dir, Path::new("/srv/siegel"));
        let text = "listen = '0.0.0.0:1'\nplain_http = true\npublic_url = 'x'\n[peers]\nuploads = 'here'\n";
        let mistakes = read(text, &[]).unwrap_err().mistakes;
        let fields: Vec<_> = mistakes.iter().map(|mistake| mistake.field.as_str()).collect();
        assert_eq!(fields, ["plain_http", "public_url", "peers.uploads"]);
        assert!(read("[service]\nweeks = 1\n", &[]).unwrap_err().to_string().contains("service.weeks"));
    }
}
