//! What a consumer is sent: a group at Kafka, and a task that takes messages as they come, a bounded number ahead of the
//! consumer. A message that is none of ours is counted, said in the log, and holds nothing up.
//!
//! An offset is stored when its message was tried, whether or not a tenant's database was there to take it: one tenant that is away
//! does not hold back those it shares a partition with. Who tried knows what is left and reads it from the outbox; should it die
//! before that, whoever is given the partition looks at the outboxes of all its tenants first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::Message as _;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Headers as _};
use siegel_domain::TenantId;
use tokio::sync::{Notify, mpsc};

use super::super::wire::{Message, WireError};
use super::client::{PAUSE_MS, SignIn, Watch, let_go};
use super::flow::Heard;
use super::{Kafka, KafkaFault};

/// Messages that wait for the consumer.
const AHEAD: usize = 500;
/// Wakes the workers of this process.
pub(in crate::log) type Wake = Arc<dyn Fn() + Send + Sync>;

/// An event that came.
pub(in crate::log) struct Arrival {
    /// The service that wrote it.
    pub(in crate::log) source: &'static str,
    /// The event, and where it stands.
    pub(in crate::log) message: Message,
    topic: Arc<str>,
    partition: i32,
    offset: i64,
}

impl Arrival {
    /// Whose it is, of which service.
    pub(in crate::log) fn pair(&self) -> (&'static str, TenantId) {
        (self.source, self.message.tenant)
    }
}

/// A consumer's group.
pub(in crate::log) struct Subscription {
    name: &'static str,
    kafka: Arc<Kafka>,
    receiver: tokio::sync::Mutex<Received>,
    consumer: Arc<Mutex<Option<Arc<StreamConsumer<Watch>>>>>,
    taken: Arc<Taken>,
}

/// The partitions that the group has given us and that nobody has asked for yet, by source.
#[derive(Default)]
struct Taken {
    partitions: Mutex<BTreeMap<&'static str, BTreeSet<i32>>>,
    notify: Notify,
}

impl Taken {
    fn partitions(&self) -> MutexGuard<'_, BTreeMap<&'static str, BTreeSet<i32>>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Received {
    channel: mpsc::Receiver<Arrival>,
    /// What [`Subscription::wait`] saw.
    seen: VecDeque<Arrival>,
}

impl Subscription {
    /// The group `name` of `service`, hearing `sources`.
    pub(in crate::log) fn new(
        kafka: Arc<Kafka>,
        service: &'static str,
        name: &'static str,
        sources: &[&'static str],
        wake: Wake,
    ) -> Self {
        let (sender, channel) = mpsc::channel(AHEAD);
        let (consumer, taken) = (Arc::new(Mutex::new(None)), Arc::<Taken>::default());
        let topics: BTreeMap<Arc<str>, _> =
            sources.iter().map(|source| (Arc::from(kafka.topic(source)), *source)).collect();
        let heard = kafka.flow.consumer(topics.keys().cloned().collect());
        let receive = Receive {
            kafka: kafka.clone(),
            service,
            name,
            topics: Arc::new(topics),
            sender,
            wake,
            consumer: consumer.clone(),
            taken: taken.clone(),
            heard,
        };
        kafka.env.tasks.spawn("log.receive", receive.run());
        let receiver = tokio::sync::Mutex::new(Received { channel, seen: VecDeque::new() });
        Self { name, kafka, receiver, consumer, taken }
    }

    /// Completes when something has come, or partitions were taken over.
    pub(in crate::log) async fn wait(&self) {
        let taken = self.taken.notify.notified();
        if !self.taken.partitions().is_empty() {
            return;
        }
        let mut received = self.receiver.lock().await;
        if !received.seen.is_empty() {
            return;
        }
        tokio::select! {
            () = taken => {}
            arrival = received.channel.recv() => received.seen.extend(arrival),
        }
    }

    /// The partitions that we were given since the last call, by source. Whoever had them may have left something undone.
    pub(in crate::log) fn taken_over(&self) -> BTreeMap<&'static str, BTreeSet<i32>> {
        std::mem::take(&mut *self.taken.partitions())
    }

    /// In which partition of a source's topic a tenant's events come.
    pub(in crate::log) async fn partition(&self, source: &str, tenant: TenantId) -> Result<i32, KafkaFault> {
        self.kafka.partition(&self.kafka.topic(source), tenant).await
    }

    /// What has come, at most so many, without waiting.
    pub(in crate::log) async fn take(&self, most: usize) -> Vec<Arrival> {
        let mut received = self.receiver.lock().await;
        let mut taken: Vec<Arrival> = received.seen.drain(..).collect();
        while taken.len() < most
            && let Ok(arrival) = received.channel.try_recv()
        {
            taken.push(arrival);
        }
        taken
    }

    /// These need not be sent to the group again.
    pub(in crate::log) fn handled(&self, arrivals: &[Arrival]) {
        let consumer = self.consumer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(consumer) = consumer else { return };
        let mut furthest: BTreeMap<(&Arc<str>, i32), i64> = BTreeMap::new();
        for arrival in arrivals {
            let offset = furthest.entry((&arrival.topic, arrival.partition)).or_default();
            *offset = arrival.offset.max(*offset);
        }
        for ((topic, partition), offset) in furthest {
            // A partition that was given to another replica meanwhile is no longer ours to say anything of.
            let _ = consumer.store_offset(topic, partition, offset);
        }
    }

    /// A predecessor is missing.
    pub(in crate::log) fn gap(&self) {
        self.kafka.metrics.gap(self.name);
    }
}

/// Reads what a broker sent.
pub(super) fn decode(message: &BorrowedMessage<'_>) -> Result<Message, WireError> {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let pairs = headers.map(|header| (header.key, header.value.unwrap_or_default()));
    Message::decode(pairs, message.payload().unwrap_or_default())
}

/// The task that receives.
struct Receive {
    kafka: Arc<Kafka>,
    service: &'static str,
    name: &'static str,
    topics: Arc<BTreeMap<Arc<str>, &'static str>>,
    sender: mpsc::Sender<Arrival>,
    wake: Wake,
    consumer: Arc<Mutex<Option<Arc<StreamConsumer<Watch>>>>>,
    taken: Arc<Taken>,
    heard: Arc<Heard>,
}

impl Receive {
    async fn run(self) {
        let shutdown = self.kafka.env.shutdown.clone();
        tokio::select! {
            () = shutdown.wait() => {}
            () = self.sender.closed() => {}
            () = self.receive() => {}
        }
        // Leaves the group, so that another replica need not wait for our silence to be noticed.
        let consumer = self.consumer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = tokio::task::spawn_blocking(move || drop(consumer)).await;
    }

    /// Ends when nobody listens any more. With a new password the group is joined anew.
    async fn receive(&self) {
        loop {
            let (consumer, sign_in) = match self.subscribe().await {
                Ok(subscribed) => subscribed,
                Err(error) => {
                    self.pause(&error).await;
                    continue;
                }
            };
            *self.consumer.lock().unwrap_or_else(PoisonError::into_inner) = Some(consumer.clone());
            if !self.receive_from(&consumer, &sign_in).await {
                return;
            }
            let ours = self.consumer.lock().unwrap_or_else(PoisonError::into_inner).take();
            let_go((consumer, ours));
        }
    }

    /// False: nobody listens any more. True: there is another password.
    async fn receive_from(&self, consumer: &StreamConsumer<Watch>, sign_in: &SignIn) -> bool {
        loop {
            let message = tokio::select! {
                () = sign_in.replaced() => return true,
                message = consumer.recv() => message,
            };
            match message {
                Ok(message) => {
                    self.kafka.watch.well();
                    if let Some(arrival) = self.read(&message)
                        && self.sender.send(arrival).await.is_err()
                    {
                        return false;
                    }
                    self.heard.came(message.topic(), message.partition(), message.offset());
                    (self.wake)();
                }
                Err(error) => self.pause(&KafkaFault::of("did not deliver")(error)).await,
            }
        }
    }

    async fn pause(&self, error: &KafkaFault) {
        tracing::warn!(consumer = self.name, %error, "no events come from Kafka; they wait in the outboxes");
        self.kafka.env.clock.sleep(PAUSE_MS).await;
    }

    async fn subscribe(&self) -> Result<(Arc<StreamConsumer<Watch>>, SignIn), KafkaFault> {
        self.kafka.ensure_topics().await?;
        let mut sign_in = self.kafka.service(self.service).await?;
        sign_in
            .config
            .set("group.id", self.kafka.group(self.name))
            .set("auto.offset.reset", "earliest")
            // What is stored is what was handled; that it is sent now and then is enough, since a repetition has no effect.
            .set("enable.auto.commit", "true")
            .set("enable.auto.offset.store", "false")
            .set("session.timeout.ms", "10000")
            .set("partition.assignment.strategy", "cooperative-sticky");
        let topics: Vec<&str> = self.topics.keys().map(|topic| &**topic).collect();
        let (of, taken, wake) = (self.topics.clone(), self.taken.clone(), self.wake.clone());
        let watch = sign_in.watch.telling(Arc::new(move |topic, partition| {
            let Some(source) = of.get(topic) else { return };
            taken.partitions().entry(source).or_default().insert(partition);
            taken.notify.notify_one();
            wake();
        }));
        Ok((Arc::new(self.kafka.consumer(&sign_in.config, &topics, watch)?), sign_in))
    }

    /// None: not one of ours.
    fn read(&self, message: &BorrowedMessage<'_>) -> Option<Arrival> {
        let (topic, source) = self.topics.get_key_value(message.topic())?;
        match decode(message) {
            Ok(read) => {
                let (topic, partition, offset) = (topic.clone(), message.partition(), message.offset());
                Some(Arrival { source, message: read, topic, partition, offset })
            }
            Err(error) => {
                self.refuse(message, &error);
                None
            }
        }
    }

    /// Counts what is no message; its event, if it ever was one, comes from the outbox when the next one shows the gap.
    fn refuse(&self, message: &BorrowedMessage<'_>, error: &WireError) {
        self.kafka.metrics.fault("unreadable");
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        tracing::error!(consumer = self.name, topic, partition, offset, %error, "a message is none of ours");
    }
}
