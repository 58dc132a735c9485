//! What brings a consumer its events: its own looking into the outboxes, or Kafka.

#[cfg(feature = "real")]
use super::kafka::Subscription;

/// What brings a consumer its events.
pub(super) enum Carrier {
    /// Nothing: it is told of commits and reads the outboxes.
    Outboxes,
    /// Kafka. It reads an outbox only where a message is missing.
    #[cfg(feature = "real")]
    Kafka(Subscription),
}

impl Carrier {
    /// Completes when something has come.
    pub(super) async fn wait(&self) {
        match self {
            Self::Outboxes => std::future::pending().await,
            #[cfg(feature = "real")]
            Self::Kafka(subscription) => subscription.wait().await,
        }
    }
}
