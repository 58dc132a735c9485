//! Signing in, and hearing what the client library says by itself. A wrong password or a broker that is away shows in no
//! answer but a timeout; the library tells the reason here only.

use std::sync::Arc;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::watch;

use super::metrics::KafkaMetrics;
use super::passwords::{Doubter, Known};
use super::{Kafka, KafkaFault};
use crate::health::Health;
use crate::parts::Credential;

/// After a failure whoever receives waits so long.
pub(super) const PAUSE_MS: i64 = 1_000;
/// A line that broke.
const BROKEN: RDKafkaErrorCode = RDKafkaErrorCode::BrokerTransportFailure;
/// The name in readiness.
const NAME: &str = "kafka";

impl Kafka {
    /// What producers and consumers of a service share.
    pub(super) async fn service(&self, service: &str) -> Result<SignIn, KafkaFault> {
        let password = self.passwords.of(service).await.ok_or_else(|| KafkaFault::NoUser(service.to_owned()))?;
        let watch = Watch { doubter: Some(self.passwords.doubter(service, &password)), ..self.watch.clone() };
        let (config, known) = (self.client(service, &password), self.passwords.known());
        Ok(SignIn { config, watch, user: service.to_owned(), password, known })
    }

    /// Who makes topics, and whether they may; otherwise any service of this process, who may look at them.
    pub(super) async fn admin(&self) -> Result<(ClientConfig, Watch, bool), KafkaFault> {
        if let Some((user, password)) = &self.settings.admin {
            return Ok((self.client(user, password), self.watch.clone(), true));
        }
        let anybody = self.settings.users.keys().next();
        let anybody = self.service(anybody.ok_or_else(|| KafkaFault::NoUser("any service".to_owned()))?).await?;
        Ok((anybody.config, anybody.watch, false))
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

/// How a service signs in, with the password of the moment.
pub(super) struct SignIn {
    /// What its clients share.
    pub(super) config: ClientConfig,
    /// Hears what becomes of them.
    pub(super) watch: Watch,
    user: String,
    password: Credential,
    known: watch::Receiver<Known>,
}

impl SignIn {
    /// Whether another password is in use by now, and clients of this one have to be made anew.
    pub(super) fn is_old(&self) -> bool {
        self.is_old_by(&self.known.borrow())
    }

    /// Completes when it is.
    pub(super) async fn replaced(&self) {
        if self.known.clone().wait_for(|known| self.is_old_by(known)).await.is_err() {
            std::future::pending().await // nobody looks any more
        }
    }

    fn is_old_by(&self, known: &Known) -> bool {
        known.get(&self.user).is_some_and(|password| !password.is(&self.password))
    }
}

/// Lets go of a client where it may take its time: it says goodbye to brokers.
pub(super) fn let_go<T: Send + 'static>(client: T) {
    drop(tokio::task::spawn_blocking(move || drop(client)));
}

/// Is told of a partition that a group has given us.
pub(super) type TakenOver = Arc<dyn Fn(&str, i32) + Send + Sync>;

/// Hears the library.
#[derive(Clone)]
pub(super) struct Watch {
    health: Health,
    metrics: KafkaMetrics,
    taken_over: Option<TakenOver>,
    doubter: Option<Doubter>,
}

impl Watch {
    pub(super) fn new(health: Health, metrics: KafkaMetrics) -> Self {
        Self { health, metrics, taken_over: None, doubter: None }
    }

    /// The same, for a consumer that wants to know which partitions it is given.
    pub(super) fn telling(&self, taken_over: TakenOver) -> Self {
        Self { taken_over: Some(taken_over), ..self.clone() }
    }

    /// Has it looked up whether the password is another one by now.
    pub(super) fn doubt(&self) {
        if let Some(doubter) = &self.doubter {
            doubter.doubt();
        }
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
        // A password that is refused may show as a line that broke.
        if matches!(code, Some(BROKEN | RDKafkaErrorCode::Authentication | RDKafkaErrorCode::AllBrokersDown)) {
            self.doubt();
        }
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
