//! Dead letters reach their topic, where operators' tools look: what a consumer's database has, as often as need be and never less.

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use rdkafka::Message as _;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::Headers as _;
use siegel_domain::TenantId;
use siegel_platform::db::{self, Tx};
use siegel_platform::log::{HandleError, Handler};
use siegel_platform::parts::Parts;
use siegel_proto::events::v1::Event;

use super::{Ground, PATIENCE, Seen};

/// Makes no sense of what is called so.
struct Picky(Seen);

#[async_trait]
impl Handler for Picky {
    async fn handle(&self, tx: &mut Tx<'_>, tenant: TenantId, event: &Event) -> Result<(), HandleError> {
        self.0.handle(tx, tenant, event).await?;
        if event.subject == "poison" { Err(HandleError::Poison("a poison")) } else { Ok(()) }
    }
}

/// A letter as it stands at Kafka.
#[derive(Debug, PartialEq)]
struct Letter {
    key: String,
    headers: Vec<(String, String)>,
    event: Event,
}

impl Letter {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }
}

/// As a tool would read them.
struct Reader(StreamConsumer);

impl Reader {
    fn new(ground: &Ground) -> Self {
        let mut config = ground.client("retention");
        let installation = &ground.parts.postgres.installation;
        config.set("group.id", format!("retention.tool.{installation}")).set("auto.offset.reset", "earliest");
        let consumer: StreamConsumer = config.create().unwrap();
        consumer.subscribe(&[&format!("siegel.dead.retention.{installation}")]).unwrap();
        Self(consumer)
    }

    async fn next(&self) -> Letter {
        let message = tokio::time::timeout(PATIENCE, self.0.recv()).await.expect("no letter came").unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = message.headers().unwrap().iter();
        Letter {
            key: text(message.key().unwrap()),
            headers: headers.map(|header| (header.key.to_owned(), text(header.value.unwrap()))).collect(),
            event: Event::decode(message.payload().unwrap()).unwrap(),
        }
    }
}

const COPIED: &str = "siegel_dead_letters_copied_total{name=\"retention\"}";

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_copied_to_its_topic_once_and_again_if_nobody_knows_whether_it_was() {
    let Some(ground) = Ground::new().await else { return };
    ground.log.register(ground.consumer.clone());
    let (ours, relay) = (ground.tenants[0], ground.relay());
    let consumer = ground.consumer(Arc::new(Picky(Seen::default())));
    consumer.run_once().await.unwrap();
    let poison = ground.emit(ours, "poison").await;
    let good = ground.emit(ours, "behind it").await;
    while relay.run_once().await.unwrap() > 0 {}
    ground.hear(&consumer, ours, &[good]).await;
    assert_eq!(consumer.parked(), 1);

    relay.run_once().await.unwrap();
    let reader = Reader::new(&ground);
    let letter = reader.next().await;
    assert_eq!((letter.header("ce_id"), &letter.event.id), (&*poison, &poison));
    assert_eq!((letter.header("ce_consumer"), letter.header("ce_reason")), ("retention", "a poison"));
    assert_eq!((letter.key.clone(), letter.event.subject.as_str()), (format!("{ours}/poison"), "poison"));
    assert!(letter.header("ce_parked").starts_with("20"), "{letter:?}");
    let document: serde_json::Value = serde_json::from_str(include_str!("../../../../../docs/asyncapi.json")).unwrap();
    let described = |schema: &str| document["components"]["schemas"][schema].clone();
    let of = |schema: serde_json::Value| serde_json::from_value::<Vec<String>>(schema["required"].clone()).unwrap();
    let names = [of(described("Headers")), of(described("DeadHeaders")["allOf"][1].clone())].concat();
    assert_eq!(letter.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names, "not as described");
    relay.run_once().await.unwrap();
    assert_eq!(ground.counted(COPIED), 1, "copied though nothing is new");

    // As if the relay had been killed before it could note that the letter is there.
    let db = ground.consumer.get(ours).await.unwrap();
    let forgotten = db.tx("test.forget", |tx| {
        Box::pin(async move {
            tx.wake_after_commit();
            db::query("UPDATE dead_letters SET copied = 0").execute(&mut **tx).await
        })
    });
    assert_eq!(forgotten.await.unwrap().rows_affected(), 1);
    relay.run_once().await.unwrap();
    assert_eq!(reader.next().await, letter, "the same again, to be known by its id");
    assert_eq!(ground.counted(COPIED), 2);
    drop(reader);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_dead_letters_that_refuses_holds_no_event_up() {
    let wrong = |parts: &mut Parts| {
        let another = parts.kafka.users["upload"].clone();
        parts.kafka.users.insert("retention".to_owned(), another);
    };
    let Some(ground) = Ground::on(wrong).await else { return };
    ground.log.register(ground.consumer.clone());
    let relay = ground.relay();
    let (ours, consumer) = (ground.tenants[0], ground.consumer(Arc::new(Picky(Seen::default()))));
    ground.emit(ours, "poison").await;
    consumer.run_once().await.unwrap(); // by the outbox: Kafka refuses its user, too
    assert_eq!(consumer.parked(), 1);
    let carried = async {
        while ground.counted("siegel_events_relayed_total{name=\"upload\"}") == 0 {
            relay.run_once().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, carried).await.expect("the event waited for a letter that can't be copied");
    assert_eq!(ground.counted(COPIED), 0);
    ground.end().await;
}
