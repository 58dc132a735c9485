//! The log on Kafka: a relay carries each outbox there, consumers take events from there.
//!
//! ```text
//! outbox ── Relay (lease, acks=all) ──► topic siegel.<service>, a tenant in one partition ──► Subscription ──► Consumer
//!   └──────────────── read directly, when a gap shows or a consumer starts ────────────────────────────────────┘
//! ```
//!
//! **The outbox stays the truth and Kafka a copy of it** (docs/decisions/0005). Each message says where its event stands in its
//! outbox and which position came before. A consumer that did not have the one before reads the outbox itself, so messages
//! that are late, lost, doubled or in disorder cost time and nothing else; Kafka's loss delays until the relay gets through.
//!
//! Here `client` knows how to sign in and `passwords` with what, `topics` how they are made, `flow` what is under way; `relay` and
//! `subscription` do the work; `letters` copies what nobody understood. `users` gives users new passwords, over a `line` of its own.

mod client;
mod ear;
mod flow;
mod letters;
mod line;
mod metrics;
mod passwords;
mod relay;
mod subscription;
mod topics;
pub mod users;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rdkafka::error::KafkaError;
use tokio::sync::OnceCell;

use crate::parts::{Credential, DEFAULT_INSTALLATION, PartEnv, Parts};
use crate::secrets::Secrets;

use super::ConsumerMetrics;
use client::Watch;
use flow::Flow;
use metrics::KafkaMetrics;
use passwords::Passwords;

pub(super) use ear::hear;
pub(super) use relay::worker as relay;
pub(super) use subscription::Subscription;

/// Why Kafka did not do what it was asked for. The outbox keeps what could not be carried.
#[derive(Debug, thiserror::Error)]
pub enum KafkaFault {
    /// Neither the secrets nor the parts file have a password for a service.
    #[error("the parts file has no user for {0} in [kafka.users], and the secrets have no password for it")]
    NoUser(String),
    /// Whoever provisions has not made the topics yet.
    #[error("the topic {0} is not there: the operator makes it when it starts")]
    NoTopic(String),
    /// The client or the broker.
    #[error("Kafka {what}: {source}")]
    Kafka {
        /// What was being done.
        what: &'static str,
        /// What it said.
        #[source]
        source: KafkaError,
    },
}

impl KafkaFault {
    fn of(what: &'static str) -> impl FnOnce(KafkaError) -> Self {
        move |source| Self::Kafka { what, source }
    }
}

/// Where Kafka is and who signs in.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// `host:port`, separated by commas.
    pub bootstrap: String,
    /// The CA that signed the brokers' certificates (PEM).
    pub ca_file: PathBuf,
    /// Who may make topics, if this process may; otherwise it finds them made.
    pub admin: Option<(String, Credential)>,
    /// Each service's own user, of the service's name. A password among the secrets counts more.
    pub users: BTreeMap<String, Credential>,
    /// Behind the names of topics and groups, for several installations on one cluster; empty for the only one.
    pub suffix: String,
    /// Partitions of a topic that we make.
    pub partitions: u16,
}

impl KafkaSettings {
    /// From the parts file.
    pub fn from_parts(parts: &Parts) -> Self {
        let suffix = match parts.postgres.installation.as_str() {
            DEFAULT_INSTALLATION => String::new(),
            other => format!(".{other}"),
        };
        let part = &parts.kafka;
        Self {
            bootstrap: part.bootstrap.clone(),
            ca_file: parts.ca_file.clone(),
            admin: part.admin().map(|(user, password)| (user.to_owned(), password.clone())),
            users: part.users.clone(),
            suffix,
            partitions: part.partitions,
        }
    }
}

/// Kafka, for the services of this process.
pub struct Kafka {
    settings: KafkaSettings,
    env: PartEnv,
    passwords: Arc<Passwords>,
    metrics: KafkaMetrics,
    /// Partitions of each topic, once they are known to be there.
    topics: OnceCell<BTreeMap<String, i32>>,
    /// What the brokers say by themselves.
    watch: Watch,
    flow: Flow,
    /// Where the relay shows what waits for it.
    readers: ConsumerMetrics,
}

impl Kafka {
    /// Kafka as the settings say. Nothing is asked of it yet: a platform starts without it, and delivers later.
    pub fn new(settings: KafkaSettings, env: PartEnv, readers: ConsumerMetrics) -> Arc<Self> {
        let metrics = KafkaMetrics::new(&env.metrics);
        let watch = Watch::new(env.health.clone(), metrics.clone());
        let passwords = Passwords::new(settings.users.clone());
        let (topics, flow) = (OnceCell::new(), Flow::default());
        Arc::new(Self { settings, env, passwords, metrics, topics, watch, flow, readers })
    }

    /// Has passwords looked up among these secrets: at first, and when a line breaks. Said once.
    pub fn renew_by(&self, secrets: Arc<Secrets>) {
        let Some(doubts) = self.passwords.renew_by(secrets) else { return };
        let (passwords, clock, shutdown) = (self.passwords.clone(), self.env.clock.clone(), self.env.shutdown.clone());
        self.env.tasks.spawn("log.passwords", async move {
            tokio::select! {
                () = shutdown.wait() => {}
                () = passwords.look_after(doubts, &*clock) => {}
            }
        });
    }

    /// Messages that our relay has carried and that have not yet come to our own consumers.
    #[cfg(feature = "testing")]
    pub(super) fn on_their_way(&self) -> i64 {
        self.flow.on_their_way()
    }
}
