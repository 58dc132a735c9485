//! Signing in, and hearing what the client library says by itself. A wrong password or a broker that is away shows in no
//! answer but a timeout; the library tells the reason here only.

use std::sync::Arc;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::metrics::KafkaMetrics;
use super::{Kafka, KafkaFault};
use crate::health::Health;
use crate::parts::Credential;

/// After a failure whoever receives waits so long.
pub(super) const PAUSE_MS: i64 = 1_000;
/// The name in readiness.
const NAME: &str = "kafka";

impl Kafka {
    /// What producers and consumers of a service share.
    pub(super) fn service(&self, service: &str) -> Result<ClientConfig, KafkaFault> {
        let password = self.settings.users.get(service).ok_or_else(|| KafkaFault::NoUser(service.to_owned()))?;
        Ok(self.client(service, password))
    }

    /// Who makes topics, and whether they may; otherwise any service of this process, who may look at them.
    pub(super) fn admin(&self) -> Result<(ClientConfig, bool), KafkaFault> {
        if let Some((user, password)) = &self.settings.admin {
            return Ok((self.client(user, password), true));
        }
        let anybody = self.settings.users.iter().next();
        let (user, password) = anybody.ok_or_else(|| KafkaFault::NoUser("any service".to_owned()))?;
        Ok((self.client(user, password), false))
    }

    /// Who receives what comes on `topics`; `watch` hears what becomes of it.
    pub(super) fn consumer(
        &self,
        config: &ClientConfig,
        topics: &[&str],
        watch: Watch,
    ) -> Result<StreamConsumer<Watch>, KafkaFault> {
        let made = StreamConsumer::from_config_and_context(config, watch);
        let consumer: StreamConsumer<Watch> = made.map_err(KafkaFault::of("did not take the consumer's settings"))?;
        consumer.subscribe(topics).map_err(KafkaFault::of("did not let us subscribe"))?;
        Ok(consumer)
    }

    fn client(&self, user: &str, password: &Credential) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.settings.bootstrap)
            .set("client.id", format!("siegel-{user}"))
            .set("security.protocol", "SASL_SSL")
            .set("ssl.ca.location", self.settings.ca_file.to_string_lossy())
            .set("sasl.mechanisms", "SCRAM-SHA-512")
            .set("sasl.username", user)
            .set("sasl.password", password.expose())
            .set("socket.keepalive.enable", "true")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("reconnect.backoff.max.ms", "2000")
            // The default is five minutes: too long to notice a topic that provisioning has just made.
            .set("topic.metadata.refresh.interval.ms", "10000");
        config
    }
}

/// Is told of a partition that a group has given us.
pub(super) type TakenOver = Arc<dyn Fn(&str, i32) + Send + Sync>;

/// Hears the library.
#[derive(Clone)]
pub(super) struct Watch {
    health: Health,
    metrics: KafkaMetrics,
    taken_over: Option<TakenOver>,
}

impl Watch {
    pub(super) fn new(health: Health, metrics: KafkaMetrics) -> Self {
        Self { health, metrics, taken_over: None }
    }

    /// The same, for a consumer that wants to know which partitions it is given.
    pub(super) fn telling(&self, taken_over: TakenOver) -> Self {
        Self { taken_over: Some(taken_over), ..self.clone() }
    }

    /// Something was delivered or received.
    pub(super) fn well(&self) {
        if self.metrics.up.set(1) == 0 {
            self.health.ready(NAME);
        }
    }
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // Everything that matters comes as an error, too, where it is counted; what is left is for who looks closely.
        tracing::debug!(target: "kafka", ?level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let (kind, why) = match code {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                ("all-down", "no broker of Kafka answers: events wait in the outbox")
            }
            Some(RDKafkaErrorCode::Authentication) => ("sign-in", "Kafka refuses our user or password"),
            _ => ("other", ""),
        };
        self.metrics.fault(kind);
        if kind == "other" {
            tracing::debug!(target: "kafka", ?code, reason);
            return;
        }
        if self.metrics.up.set(0) == 1 {
            tracing::warn!(target: "kafka", ?code, reason, "{why}");
        }
        self.health.limping(NAME, why);
    }
}

impl ConsumerContext for Watch {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let (Some(taken_over), Rebalance::Assign(partitions)) = (&self.taken_over, rebalance) {
            partitions.elements().iter().for_each(|one| taken_over(one.topic(), one.partition()));
        }
    }
}
