//! Kafka: brokers, our topics and their settings, and whether each service's user may sign in.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _};
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaErrorCode;

use super::Failure;
use crate::log::KafkaSettings;
use crate::parts::{Credential, Parts};

/// How long the brokers may take: finding out and signing in are several questions.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// How often they are asked before it is believed that nobody is there.
const TRIES: usize = 3;

/// Brokers and our topics.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// How many brokers there are.
    pub brokers: usize,
    /// Our topics that are there.
    pub topics: Vec<Topic>,
    /// Those that are not.
    pub missing: Vec<String>,
}

/// A topic.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: usize,
    /// How many of them nobody leads: nothing can be written to them or read.
    pub leaderless: usize,
    /// Copies of the partition that has the fewest.
    pub copies: usize,
    /// How many copies are behind.
    pub behind: usize,
    /// How many copies have to have a message before it is acknowledged; none if the user may not see it.
    pub least_in_sync: Option<usize>,
    /// How long a message is kept, in milliseconds; negative for ever.
    pub retention_ms: Option<i64>,
}

/// Looks at the cluster as the administrator.
pub async fn cluster(parts: &Parts) -> Result<Cluster, Failure> {
    let nobody = || Failure::Other("the parts file names no admin_user of Kafka".to_owned());
    let (user, password) = parts.kafka.admin().ok_or_else(nobody)?;
    let client = Client::new(parts, user, password)?;
    let (client, metadata) = client.metadata(None).await?;
    let (mut topics, mut missing) = (Vec::new(), Vec::new());
    for name in KafkaSettings::from_parts(parts).topics() {
        let found = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none());
        let Some(found) = found else {
            missing.push(name);
            continue;
        };
        let partitions = found.partitions();
        topics.push(Topic {
            name,
            partitions: partitions.len(),
            leaderless: partitions.iter().filter(|partition| partition.leader() < 0).count(),
            copies: partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0),
            behind: partitions.iter().map(|one| one.replicas().len().saturating_sub(one.isr().len())).sum(),
            least_in_sync: None,
            retention_ms: None,
        });
    }
    client.settings(&mut topics).await?;
    Ok(Cluster { brokers: metadata.brokers().len(), topics, missing })
}

/// Signs in as a service's user and looks at its topic.
pub async fn user(parts: &Parts, service: &str, password: &Credential) -> Result<(), Failure> {
    Client::new(parts, service, password)?.metadata(Some("siegel.upload")).await.map(drop)
}

struct Client {
    admin: AdminClient<Heard>,
    heard: Heard,
}

impl Client {
    fn new(parts: &Parts, user: &str, password: &Credential) -> Result<Self, Failure> {
        let heard = Heard::default();
        let config = config(&parts.kafka.bootstrap, &parts.ca_file, user, password);
        let admin = AdminClient::from_config_and_context(&config, heard.clone());
        Ok(Self { admin: admin.map_err(|error| Failure::Other(error.to_string()))?, heard })
    }

    /// Brokers and topics, which also shows whether the user may sign in.
    async fn metadata(self, topic: Option<&'static str>) -> Result<(Self, Metadata), Failure> {
        let asked = tokio::task::spawn_blocking(move || {
            // A password that is refused shows as a line that broke first, and is said at a later try.
            let ask = || self.admin.inner().fetch_metadata(topic, PATIENCE);
            let mut metadata = ask();
            for _ in 1..TRIES {
                if metadata.is_ok() || self.heard.says_why() {
                    break;
                }
                metadata = ask();
            }
            (self, metadata)
        });
        match asked.await {
            Ok((client, Ok(metadata))) => Ok((client, metadata)),
            Ok((client, Err(error))) => Err(client.failure(&error)),
            Err(error) => Err(Failure::Other(error.to_string())),
        }
    }

    async fn settings(&self, topics: &mut [Topic]) -> Result<(), Failure> {
        let asked: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(&topic.name)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let answers = self.admin.describe_configs(&asked, &options).await.map_err(|error| self.failure(&error))?;
        for (topic, answer) in topics.iter_mut().zip(answers) {
            let Ok(answer) = answer else { continue }; // not allowed to see it
            let value = |name: &str| answer.get(name).and_then(|entry| entry.value.as_deref()?.parse::<i64>().ok());
            topic.least_in_sync = value("min.insync.replicas").and_then(|least| usize::try_from(least).ok());
            topic.retention_ms = value("retention.ms");
        }
        Ok(())
    }

    /// The library's errors say "timed out"; what it heard meanwhile says why.
    fn failure(&self, error: &KafkaError) -> Failure {
        match self.heard.take() {
            Some((RDKafkaErrorCode::Authentication, said)) => Failure::SignIn(said),
            Some((RDKafkaErrorCode::SSL, said)) => Failure::Certificate(said),
            Some((RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure, said)) => {
                Failure::Away(said)
            }
            Some((_, said)) => Failure::Other(said),
            None => Failure::Away(error.to_string()),
        }
    }
}

fn config(bootstrap: &str, ca_file: &Path, user: &str, password: &Credential) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "siegel-admin")
        .set("security.protocol", "SASL_SSL")
        .set("ssl.ca.location", ca_file.to_string_lossy())
        .set("sasl.mechanisms", "SCRAM-SHA-512")
        .set("sasl.username", user)
        .set("sasl.password", password.expose())
        .set("socket.connection.setup.timeout.ms", "3000");
    config
}

fn says_why(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL)
}

/// What the library says by itself: the first, or what tells why.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Option<(RDKafkaErrorCode, String)>>>);

impl Heard {
    fn take(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether more was heard than that a line broke.
    fn says_why(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|(code, _)| says_why(*code))
    }
}

impl ClientContext for Heard {
    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_none() || says_why(code) {
            // `sasl_ssl://host:port/bootstrap: …`: what comes last says what it was.
            *heard = Some((code, reason.to_owned()));
        }
    }

    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
}
