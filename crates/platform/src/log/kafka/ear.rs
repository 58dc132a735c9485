//! Hears that other programs committed something, without taking part in anybody's work: each process for itself, from now
//! on. What was missed is nothing lost, since whoever is told reads the log from a position of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::Message as _;
use rdkafka::consumer::StreamConsumer;
use siegel_domain::TenantId;

use super::client::{PAUSE_MS, SignIn, Watch, let_go};
use super::{Kafka, KafkaFault, subscription};

/// Tells whoever waits for news.
pub(in crate::log) type Tell = Box<dyn Fn((&'static str, TenantId)) + Send + Sync>;

/// The service in whose name it is done: the one that streams events to people.
const SERVICE: &str = "notification";

/// Tells of every commit of `sources` that comes by Kafka, until shutdown.
pub(in crate::log) fn hear(kafka: Arc<Kafka>, sources: Vec<&'static str>, tell: Tell) {
    let (tasks, shutdown) = (kafka.env.tasks.clone(), kafka.env.shutdown.clone());
    tasks.spawn("log.hear", async move {
        tokio::select! {
            () = shutdown.wait() => {}
            () = listen(&kafka, &sources, &tell) => {}
        }
    });
}

async fn listen(kafka: &Kafka, sources: &[&'static str], tell: &Tell) {
    let topics: BTreeMap<String, &'static str> = sources.iter().map(|source| (kafka.topic(source), *source)).collect();
    let pause = async |error: KafkaFault| {
        tracing::warn!(%error, "nothing is heard from other programs by Kafka");
        kafka.env.clock.sleep(PAUSE_MS).await;
    };
    loop {
        let (consumer, sign_in) = match subscribe(kafka, &topics).await {
            Ok(subscribed) => subscribed,
            Err(error) => {
                pause(error).await;
                continue;
            }
        };
        loop {
            let heard = tokio::select! {
                () = sign_in.replaced() => break,
                heard = consumer.recv() => heard,
            };
            match heard {
                Ok(message) => {
                    kafka.watch.well();
                    if let (Some(source), Ok(read)) = (topics.get(message.topic()), subscription::decode(&message)) {
                        tell((source, read.tenant));
                    }
                }
                Err(error) => pause(KafkaFault::of("did not deliver")(error)).await,
            }
        }
        let_go(consumer);
    }
}

async fn subscribe(
    kafka: &Kafka,
    topics: &BTreeMap<String, &'static str>,
) -> Result<(StreamConsumer<Watch>, SignIn), KafkaFault> {
    kafka.ensure_topics().await?;
    let mut sign_in = kafka.service(SERVICE).await?;
    let own = format!("{SERVICE}.{:032x}", u128::from_be_bytes(kafka.env.rng.bytes()));
    let config = &mut sign_in.config;
    config.set("group.id", kafka.group(&own)).set("auto.offset.reset", "latest").set("enable.auto.commit", "false");
    let names: Vec<&str> = topics.keys().map(String::as_str).collect();
    Ok((kafka.consumer(&sign_in.config, &names, sign_in.watch.clone())?, sign_in))
}
