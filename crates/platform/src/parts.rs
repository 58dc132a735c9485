//! Where the real parts are: PostgreSQL, two S3 zones, OpenBao, Kafka. `cargo xtask up` writes such a file for the parts it
//! starts; an administrator writes one for their own (docs/operations.md).
//!
//! The file holds credentials, so it is readable by its owner only, and nothing here is ever printed with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::{SharedClock, SystemClock};
use crate::config::{self, ConfigErrors, Mistake};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::rng::{Rng, SystemRng};
use crate::tasks::{Shutdown, Tasks};

/// A credential from the file: not shown by `Debug`, overwritten when dropped.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Credential(Zeroizing<String>);

impl Credential {
    /// A credential that stood elsewhere.
    pub fn of(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is the same.
    pub fn is(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// What the adapter of a part stands on, whichever it is. Clones share all of it.
#[derive(Clone)]
pub struct PartEnv {
    /// Time.
    pub clock: SharedClock,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Runs what it does by itself.
    pub tasks: Tasks,
    /// Ends that.
    pub shutdown: Shutdown,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// Where it says that the part does not answer.
    pub health: Health,
}

impl PartEnv {
    /// Of a tool beside running programs, or of a test: the system's time and randomness, and nobody else's tasks and numbers.
    pub fn of_its_own() -> Self {
        Self {
            clock: SystemClock::shared(),
            rng: Arc::new(SystemRng),
            tasks: Tasks::new(),
            shutdown: Shutdown::new(),
            metrics: Arc::new(Metrics::new()),
            health: Health::new(),
        }
    }
}

/// All parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// The CA that signed every part's certificate (PEM).
    pub ca_file: PathBuf,
    /// Databases.
    pub postgres: PostgresPart,
    /// The two zones, the first first.
    pub s3: Vec<S3Part>,
    /// Secrets and tenant keys.
    pub vault: VaultPart,
    /// The log.
    pub kafka: KafkaPart,
    /// The proxies in front of the parts; tests cut them. Absent in production.
    #[serde(default)]
    pub toxiproxy: Option<ToxiproxyPart>,
}

/// PostgreSQL, reached at an address that always leads to the primary.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresPart {
    /// Host of the front.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name of this installation, in front of the names of its roles, its provider's database and its secrets: several may
    /// share the parts. Lower-case letters, digits and underscores.
    #[serde(default = "installation")]
    pub installation: String,
    /// A role that may create databases and roles, for whoever provisions: the operator, `siegel-server`, `siegel-admin`.
    #[serde(default)]
    pub admin_user: Option<String>,
    /// Connections that one program may hold at most, of all tenants together.
    #[serde(default = "connections")]
    pub connections: usize,
    /// Its password.
    #[serde(default)]
    pub admin_password: Option<Credential>,
    /// The servers themselves, `host:port`, for tests and doctors.
    #[serde(default)]
    pub direct: Vec<String>,
}

impl PostgresPart {
    /// Who may make databases and roles, if the file says.
    pub fn admin(&self) -> Option<(&str, &Credential)> {
        Some((self.admin_user.as_deref()?, self.admin_password.as_ref()?))
    }
}

impl S3Part {
    /// Who may make users and buckets, if the file says.
    pub fn admin(&self) -> Option<(&str, &Credential)> {
        Some((self.admin_access.as_deref()?, self.admin_secret.as_ref()?))
    }
}

impl VaultPart {
    /// What a program signs in with, if the file says.
    pub fn role(&self, program: &str) -> Option<AppRole> {
        let operator = || {
            let (role_id, secret_id) = (self.operator_role_id.clone()?, self.operator_secret_id.clone()?);
            (program == "operator").then_some(AppRole { role_id, secret_id })
        };
        operator().or_else(|| self.services.get(program).cloned())
    }
}

impl KafkaPart {
    /// Who may make topics, if the file says.
    pub fn admin(&self) -> Option<(&str, &Credential)> {
        Some((self.admin_user.as_deref()?, self.admin_password.as_ref()?))
    }
}

/// Programs that make databases, roles, buckets, topics and certificates. All others find them made.
pub fn provisions(program: &str) -> bool {
    matches!(program, "operator" | "server")
}

/// The name of an installation that has given itself none.
pub const DEFAULT_INSTALLATION: &str = "siegel";

/// With fewer, background work of a service would keep requests waiting.
const FEWEST: usize = 4;

/// Six programs with one replica each stay below the 400 that a small cluster allows.
fn connections() -> usize {
    48
}

fn installation() -> String {
    DEFAULT_INSTALLATION.to_owned()
}

/// A zone on S3.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Part {
    /// `zone-a` or `zone-b`.
    pub name: String,
    /// `https://host:port`.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Where it lies (C12).
    pub jurisdiction: String,
    /// An account that may make users and buckets, for whoever provisions; with `accounts = "one"` for upload, too.
    #[serde(default)]
    pub admin_access: Option<String>,
    /// Its secret.
    #[serde(default)]
    pub admin_secret: Option<Credential>,
    /// Whether each tenant has an account of its own here.
    #[serde(default)]
    pub accounts: S3Accounts,
}

/// Whose accounts the buckets of a zone belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum S3Accounts {
    /// A user for each tenant, made by provisioning through versitygw's administration.
    #[default]
    PerTenant,
    /// The one account of this part for all: Amazon, Ceph, and whoever gives out no more.
    One,
}

/// Vault or OpenBao.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultPart {
    /// `https://host:port` of a front or of one node.
    pub address: String,
    /// All nodes.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// The operator's AppRole, which alone may make and destroy tenant keys.
    #[serde(default)]
    pub operator_role_id: Option<String>,
    /// Its secret id.
    #[serde(default)]
    pub operator_secret_id: Option<Credential>,
    /// An AppRole for each service whose program reads this file.
    #[serde(default)]
    pub services: BTreeMap<String, AppRole>,
}

/// What a service signs in with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRole {
    /// Its role.
    pub role_id: String,
    /// Its secret id.
    pub secret_id: Credential,
}

/// Kafka, over TLS with SCRAM-SHA-512.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaPart {
    /// `host:port`, separated by commas.
    pub bootstrap: String,
    /// A user that may make topics, for whoever provisions.
    #[serde(default)]
    pub admin_user: Option<String>,
    /// Its password.
    #[serde(default)]
    pub admin_password: Option<Credential>,
    /// A user for each service whose program reads this file, by its name.
    #[serde(default)]
    pub users: BTreeMap<String, Credential>,
    /// Partitions of the topics that we make: as many replicas of a service can share its work. A tenant is in one of them.
    #[serde(default = "partitions")]
    pub partitions: u16,
}

/// Partitions of a topic if nothing is said.
pub(crate) const PARTITIONS: u16 = 12;

const fn partitions() -> u16 {
    PARTITIONS
}

/// toxiproxy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToxiproxyPart {
    /// Its API, `http://host:port`.
    pub api: String,
    /// Names of the proxies.
    pub proxies: Vec<String>,
}

impl Parts {
    /// Reads the file; all mistakes at once.
    pub fn read(path: &Path) -> Result<Self, ConfigErrors> {
        config::load(Some(path), &[], |_| None, Self::mistakes).map(|loaded| loaded.config)
    }

    /// Reads what is for one program: without administrators and others' credentials, unless it provisions. A service's own file
    /// need not have them in the first place; if all programs of a machine share one, none works with more than its own.
    pub fn read_as(path: &Path, program: &str) -> Result<Self, ConfigErrors> {
        let mut parts = Self::read(path)?;
        if provisions(program) {
            return Ok(parts);
        }
        (parts.postgres.admin_user, parts.postgres.admin_password) = (None, None);
        (parts.kafka.admin_user, parts.kafka.admin_password) = (None, None);
        (parts.vault.operator_role_id, parts.vault.operator_secret_id) = (None, None);
        for zone in parts.s3.iter_mut().filter(|zone| zone.accounts == S3Accounts::PerTenant) {
            (zone.admin_access, zone.admin_secret) = (None, None);
        }
        parts.kafka.users.retain(|name, _| name == program);
        parts.vault.services.retain(|name, _| name == program);
        Ok(parts)
    }

    fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = self.halves();
        mistakes.extend(self.name_mistake());
        if self.postgres.connections < FEWEST {
            let what = format!("must be at least {FEWEST}: background work and requests share them");
            mistakes.push(Mistake { field: "postgres.connections".to_owned(), what });
        }
        mistakes
    }

    /// A user without a password, or the other way round; and an account for all that is not named.
    fn halves(&self) -> Vec<Mistake> {
        let mistake = |field: &str, what: &str| Mistake { field: field.to_owned(), what: what.to_owned() };
        let both = "name both, or leave both out: then this file's program finds everything made";
        let (pg, kafka, vault) = (&self.postgres, &self.kafka, &self.vault);
        let mut mistakes = Vec::new();
        if pg.admin_user.is_some() != pg.admin_password.is_some() {
            mistakes.push(mistake("postgres.admin_user, postgres.admin_password", both));
        }
        if kafka.admin_user.is_some() != kafka.admin_password.is_some() {
            mistakes.push(mistake("kafka.admin_user, kafka.admin_password", both));
        }
        if vault.operator_role_id.is_some() != vault.operator_secret_id.is_some() {
            mistakes.push(mistake("vault.operator_role_id, vault.operator_secret_id", both));
        }
        for zone in &self.s3 {
            if zone.admin_access.is_some() != zone.admin_secret.is_some() {
                mistakes.push(mistake("s3.admin_access, s3.admin_secret", both));
            }
        }
        mistakes
    }

    fn name_mistake(&self) -> Option<Mistake> {
        let name = &self.postgres.installation;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let good =
            name.len() <= 24 && name.bytes().all(plain) && name.starts_with(|first: char| first.is_ascii_lowercase());
        let what = "must be at most 24 lower-case letters, digits and underscores, a letter first".to_owned();
        let mistake = Mistake { field: "postgres.installation".to_owned(), what };
        (!good).then_some(mistake)
    }

    /// The parts that tests run on. `None`, and a line that says so, only if `SIEGEL_WITHOUT_PARTS` is set: a test that needs
    /// them and can't have them fails.
    #[cfg(feature = "testing")]
    #[expect(clippy::print_stderr, reason = "whoever runs the tests has to see what was left out")]
    pub fn for_tests() -> Option<Self> {
        if std::env::var_os("SIEGEL_WITHOUT_PARTS").is_some() {
            eprintln!("left out: SIEGEL_WITHOUT_PARTS is set");
            return None;
        }
        let file = directory().join("parts.toml");
        Some(Self::read(&file).unwrap_or_else(|error| panic!("start the parts first: cargo xtask up\n{error}")))
    }
}

/// The directory where `cargo xtask up` keeps what runs, by variable or by the custom of the system.
#[cfg(feature = "testing")]
pub fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("SIEGEL_PARTS_DIR") {
        return directory.into();
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or(home).unwrap_or_else(std::env::temp_dir).join("siegel").join("parts")
}
