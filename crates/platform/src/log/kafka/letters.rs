//! Copies dead letters to `siegel.dead.<service>`, for operators' tools; `siegel-admin dlq` reads the database, where they lie
//! (docs/decisions/0007). Part of the relay's turn, under its lease, and never in the way of events.

use rdkafka::producer::FutureProducer;
use siegel_domain::TenantId;

use super::super::dead::{copied, uncopied};
use super::super::feed::{LogError, Stored};
use super::super::wire::{Dead, Message};
use super::client::Watch;
use super::relay::Record;
use super::{Kafka, relay};
use crate::db::Db;

/// Letters copied in one turn; what is left waits for the next.
const BATCH: u32 = 200;

/// Copies the letters in a consumer's database of a tenant. True: there are more.
pub(super) async fn copy(
    kafka: &Kafka,
    service: &'static str,
    producer: &FutureProducer<Watch>,
    db: &Db,
    tenant: TenantId,
) -> Result<bool, LogError> {
    let letters = uncopied(db, BATCH).await?;
    if letters.is_empty() {
        return Ok(false);
    }
    let topic = kafka.dead_topic(service);
    let partition = kafka.partition(&topic, tenant).await.map_err(LogError::Kafka)?;
    let record = |letter: &super::super::DeadLetter| {
        let stored = Stored { position: letter.position, event: letter.event.clone() };
        let message = Message { tenant, after: 0, stored };
        let (consumer, reason) = (letter.consumer.clone(), letter.reason.clone());
        let dead = Dead { consumer, reason, parked: letter.parked };
        let headers = message.headers().into_iter().chain(dead.headers()).collect();
        Record { key: message.key(), payload: message.payload(), headers }
    };
    relay::deliver(producer, &topic, partition, letters.iter().map(record)).await.map_err(LogError::Kafka)?;
    copied(db, &letters).await?;
    kafka.metrics.copied(service, letters.len());
    Ok(letters.len() >= BATCH as usize)
}
