//! Dead letters: an event that retention can't read lies there, is shown, and is handled once it can be read.

use std::sync::Arc;

use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::{Clock as _, ManualClock, SystemClock};
use siegel_platform::db::{self, DbError, TenantDbs};
use siegel_platform::host::Given;
use siegel_platform::log::{EventSource, emit};
use siegel_proto::events::v1::RecordCommitted;
use siegel_proto::events::v1::event::Data;
use siegel_server::{Platform, ServerConfig};

use crate::world::World;

const RECORD: &str = "rec_00000000000000000000000004";

#[tokio::test]
async fn what_was_not_understood_is_listed_shown_and_handled_anew() {
    let world = World::started().await;
    assert_eq!(world.run(&["dlq", "list"]).await.unwrap().0, "Nothing lies there: every event was understood.\n");
    let config = ServerConfig {
        state_dir: world.state(),
        key_file: Some(world.key()),
        listen: ([127, 0, 0, 1], 0).into(),
        ..ServerConfig::default()
    };
    // Ahead of ours, by which letters are marked.
    let clock = ManualClock::new(Timestamp(SystemClock::new().now().0 + 60_000));
    let given = Given { clock: Arc::new(clock.clone()), ..Given::default() };
    let platform = Platform::open(config, given).await.unwrap();
    let (ctx, tenant) = (platform.ctx().clone(), TenantId::from_bytes([1; 16]));
    let derive = || async {
        clock.advance_ms(10_000); // so that the consumer looks for letters again
        let worker = platform.workers().into_iter().find(|worker| worker.name() == "retention.derive").unwrap();
        worker.run_once().await.unwrap()
    };
    // As a later version of upload might write it.
    let dbs = TenantDbs::new(&world.state(), "upload", &siegel_upload::app::MIGRATIONS, ctx.db_options());
    let source = EventSource::new("/siegel/upload", ctx.clock.clone(), ctx.rng.clone());
    let committed = |policy: &str| RecordCommitted {
        record: RECORD.to_owned(),
        sender: "snd_00000000000000000000000008".to_owned(),
        policy: policy.to_owned(),
        ..RecordCommitted::default()
    };
    let event = source.event(tenant, RECORD, Data::RecordCommitted(committed("of-a-later-version")));
    let told = &event;
    let upload = dbs.get(tenant).await.unwrap();
    upload.tx("test.emit", |tx| Box::pin(async move { emit(tx, told.clone()).await })).await.unwrap();
    derive().await;

    let (listed, _) = world.run(&["dlq", "list"]).await.unwrap();
    assert!(listed.contains(&event.id) && listed.contains("a retention policy of a later version"), "{listed}");
    let (shown, _) = world.run(&["dlq", "show", &event.id]).await.unwrap();
    assert!(shown.contains(RECORD) && shown.contains("\"consumer\": \"retention\""), "{shown}");
    let unknown = world.run(&["dlq", "redrive", "evt_nobody"]).await.unwrap_err().to_string();
    assert!(unknown.contains("dlq list"), "{unknown}");

    // Handled anew by the same version it lies there again.
    let (marked, _) = world.run(&["dlq", "redrive", "--all"]).await.unwrap();
    assert!(marked.starts_with("1 to be handled anew"), "{marked}");
    let waiting = world.run(&["dlq", "list"]).await.unwrap().0;
    assert!(waiting.contains("to be handled anew"), "{waiting}");
    derive().await;
    let again = world.run(&["dlq", "list"]).await.unwrap().0;
    assert!(again.contains(&event.id) && !again.contains("to be handled anew"), "put aside once more: {again}");

    // And by one that understands it, it has its effect: here the event is what changes.
    let understood =
        siegel_proto::events::v1::Event { data: Some(Data::RecordCommitted(committed("unfetched-365d"))), ..event };
    let bytes = &prost::Message::encode_to_vec(&understood);
    let retention = TenantDbs::new(&world.state(), "retention", &siegel_retention::app::MIGRATIONS, ctx.db_options());
    let letters = retention.get(tenant).await.unwrap();
    letters
        .tx("test.understood", |tx| {
            Box::pin(async move {
                db::query("UPDATE dead_letters SET data = $1").bind(bytes.clone()).execute(&mut **tx).await?;
                Ok::<_, DbError>(())
            })
        })
        .await
        .unwrap();
    world.run(&["dlq", "redrive", &understood.id]).await.unwrap();
    derive().await;
    assert!(world.run(&["dlq", "list"]).await.unwrap().0.starts_with("Nothing lies there"));
    let due: Vec<(String,)> = db::query_as("SELECT record FROM deadlines").fetch_all(letters.reader()).await.unwrap();
    assert_eq!(due, [(RECORD.to_owned(),)], "it has a deadline now");
}
