//! What happened, for whoever wants to know. A producer writes the event into its own outbox table in the transaction of
//! the change itself, so there is no change without its event and no event without its change. Readers take events in the
//! order of commits, from a position that they keep themselves.
//!
//! ```text
//! use case ── tx ──► rows + outbox ── commit ──► wake ──► Consumer ── its own tx ──► effects + position
//! ```
//!
//! A producer copies [`OUTBOX_SQL`] into its first migration, holds an [`EventSource`] and calls [`emit`] and [`audit`].
//! A consumer copies [`CONSUMER_SQL`], implements [`Handler`] and runs a [`Consumer`]. On one machine the outbox tables
//! are the log, for services in one process and in several; with Kafka a relay reads them with the same [`Log::read`] and
//! consumers are sent what they would have read. [`contract`] says what either has to keep.

mod bell;
mod carrier;
mod consumer;
pub mod contract;
mod dead;
mod describe;
mod event;
mod feed;
#[cfg(feature = "real")]
mod kafka;
mod other;
mod remote;
mod wire;

pub use consumer::{Consumer, ConsumerMetrics, HandleError, Handler};
pub use dead::{DeadLetter, dead_letters, redrive};
pub use describe::{Described, describe};
pub use event::{AuditEntry, EventSource, audit, emit, told_by, type_of};
pub use feed::{Log, LogError, News, Stored};
#[cfg(feature = "real")]
pub use kafka::{Kafka, KafkaFault, KafkaSettings, users as kafka_users};
#[doc(hidden)]
pub use wire::check as check_message;

/// The outbox table, for a producer's first migration.
pub const OUTBOX_SQL: &str = include_str!("outbox.sql");
/// The tables of positions and dead letters, for a consumer's migrations.
pub const CONSUMER_SQL: &str = include_str!("consumer.sql");
/// The relay's mark, a migration of every producer's.
pub const RELAY_SQL: &str = include_str!("relay.sql");
/// Says which dead letters Kafka has a copy of, a later migration of every consumer's.
pub const COPIED_SQL: &str = include_str!("copied.sql");
/// Lets dead letters be handled anew, a later migration of every consumer's.
pub const REDRIVE_SQL: &str = include_str!("redrive.sql");
