//! What topics are called and how they are made: one for each service, shared by all tenants.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use siegel_domain::TenantId;

use super::client::Watch;
use super::{Kafka, KafkaFault, KafkaSettings};
use crate::log::wire::{self, RETENTION_MS};
use crate::peer::SERVICES;

/// How long the broker may take to make topics or to name them.
const PATIENCE: Duration = Duration::from_secs(10);

impl KafkaSettings {
    fn topic(&self, service: &str) -> String {
        wire::topic(service) + &self.suffix
    }

    fn dead_topic(&self, service: &str) -> String {
        wire::dead_topic(service) + &self.suffix
    }

    /// Every topic of the installation.
    pub(crate) fn topics(&self) -> Vec<String> {
        SERVICES.iter().flat_map(|service| [self.topic(service), self.dead_topic(service)]).collect()
    }
}

impl Kafka {
    /// A service's events.
    pub(super) fn topic(&self, service: &str) -> String {
        self.settings.topic(service)
    }

    /// What a service's consumers could not understand.
    pub(super) fn dead_topic(&self, service: &str) -> String {
        self.settings.dead_topic(service)
    }

    /// A consumer's group: replicas of a service share the work.
    pub(super) fn group(&self, consumer: &str) -> String {
        format!("{consumer}{}", self.settings.suffix)
    }

    /// In which partition a tenant's events of a service are: all of them in one, so that they come in order.
    pub(super) async fn partition(&self, topic: &str, tenant: TenantId) -> Result<i32, KafkaFault> {
        let partitions = self.ensure_topics().await?.get(topic).copied().unwrap_or(1);
        let hash = blake3::hash(tenant.as_bytes());
        let number = u32::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1], hash.as_bytes()[2], 0]);
        Ok(i32::try_from(number).unwrap_or(0) % partitions.max(1))
    }

    /// Makes the topics that are missing, once a process, and learns how many partitions each has.
    pub(super) async fn ensure_topics(&self) -> Result<&BTreeMap<String, i32>, KafkaFault> {
        self.topics.get_or_try_init(|| self.make_topics()).await
    }

    async fn make_topics(&self) -> Result<BTreeMap<String, i32>, KafkaFault> {
        let (config, watch, makes) = self.admin().await?;
        let admin = AdminClient::from_config_and_context(&config, watch.clone());
        let admin = admin.map_err(KafkaFault::of("did not take the client's settings"))?;
        let names = self.settings.topics();
        if makes {
            self.make_missing(&admin, &names).await?;
        }
        let asked = tokio::task::spawn_blocking(move || {
            let known = |name: String| {
                let answer = admin.inner().fetch_metadata(Some(&name), PATIENCE)?;
                let count = answer.topics().first().map_or(0, |topic| topic.partitions().len());
                Ok((name, i32::try_from(count).unwrap_or(i32::MAX)))
            };
            names.into_iter().map(known).collect::<Result<BTreeMap<_, _>, KafkaError>>()
        });
        let counts = asked.await.unwrap_or(Err(KafkaError::Canceled));
        if counts.is_err() {
            watch.doubt(); // such a client does not say why
        }
        let counts = counts.map_err(KafkaFault::of("did not say how many partitions there are"))?;
        // In a partition that is not the tenant's its events would come in disorder: better not at all yet.
        match counts.iter().find(|(_, partitions)| **partitions == 0) {
            Some((name, _)) => Err(KafkaFault::NoTopic(name.clone())),
            None => Ok(counts),
        }
    }

    async fn make_missing(&self, admin: &AdminClient<Watch>, names: &[String]) -> Result<(), KafkaFault> {
        let partitions = i32::from(self.settings.partitions);
        let retention = RETENTION_MS.to_string();
        let topics: Vec<NewTopic<'_>> = names
            .iter()
            // As many copies as the brokers are set to keep.
            .map(|name| NewTopic::new(name, partitions, TopicReplication::Fixed(-1)))
            .map(|topic| topic.set("retention.ms", &retention))
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        let made = admin.create_topics(&topics, &options).await.map_err(KafkaFault::of("did not make topics"))?;
        for outcome in made {
            match outcome {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(KafkaFault::of("did not make a topic")(KafkaError::AdminOp(code))),
            }
        }
        Ok(())
    }
}
