//! What nobody fetched for a year is erased by itself (C11).

use siegel_domain::{RecordId, Role};
use siegel_platform::Problem;
use siegel_platform::Reason;
use siegel_platform::db;
use siegel_platform::testing::START;
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{GrantsAdded, RecordCommitted, RecordErased};
use siegel_proto::retention::v1::GetDeadlinesRequest;
use siegel_proto::retention::v1::retention_service_server::RetentionService;
use siegel_retention::api::grpc::Retention;
use siegel_retention::events;

use crate::world::{DAY, as_sender, member, sender, world};

#[tokio::test]
async fn c11_what_nobody_fetched_for_a_year_is_erased_and_not_a_moment_sooner() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    // 365 days from a day in 2027 cross no leap day, the next 365 cross one: the period is in days, not in dates.
    world.clock.advance_ms(365 * DAY - 1);
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "committed");
    world.clock.advance_ms(1);
    world.settle().await;
    let erased = world.upload.record(world.ours, record);
    assert_eq!((erased.state, erased.shredded_ms), ("erased", START.0 + 365 * DAY));
    let receipts = world.get(&member(world.ours, Role::Member), "/v1/receipts").await;
    assert_eq!(receipts.body["items"][0]["record"], record.to_string());
    assert_eq!(world.upload.lock().asked, 1);
}

#[tokio::test]
async fn c11_each_complete_fetch_starts_the_year_anew() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    for _ in 0..3 {
        world.clock.advance_ms(364 * DAY);
        // Not heard of yet when expiry looks: it counts all the same.
        world.fetch(world.ours, record).await;
        world.clock.advance_ms(2 * DAY);
        siegel_retention::expire::run_once(&world.app).await.unwrap();
        world.settle().await;
        assert_eq!(world.upload.record(world.ours, record).state, "committed");
    }
    world.clock.advance_ms(365 * DAY);
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "erased");
}

#[tokio::test]
async fn a_restarted_service_goes_on_where_it_was() {
    let mut world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    world.restart().await;
    world.clock.advance_ms(365 * DAY);
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "erased");
}

#[tokio::test]
async fn a_backlog_of_many_is_worked_off_in_turns() {
    let world = world().await;
    for n in 0..230 {
        world.commit(world.ours, n, 5).await;
    }
    world.settle().await;
    world.clock.advance_ms(366 * DAY);
    let first = siegel_retention::expire::run_once(&world.app).await.unwrap();
    assert!(first < 230, "bounded, not all at once");
    world.settle().await;
    assert!(world.upload.lock().records.values().all(|record| record.state == "erased"));
}

#[tokio::test]
async fn deadlines_are_shown_to_whom_they_concern() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    let granted =
        GrantsAdded { record: record.to_string(), recipients: vec![sender(6).to_string()], granter: String::new() };
    world.tell("upload", world.ours, &record.to_string(), Data::GrantsAdded(granted)).await;
    world.settle().await;
    let path = format!("/v1/retention/records/{record}");
    for who in [member(world.ours, Role::Member), as_sender(world.ours, 5), as_sender(world.ours, 6)] {
        let shown = world.get(&who, &path).await;
        assert_eq!(shown.body["due_ms"], START.0 + 365 * DAY);
        assert_eq!(shown.body["policy"], "unfetched-365d");
    }
    for who in [as_sender(world.ours, 7), member(world.other, Role::Owner), as_sender(world.other, 5)] {
        assert_eq!(world.get(&who, &path).await.code(), "not-found");
    }

    let retention = &Retention(world.app.clone());
    let ask =
        |tenant: String, records| retention.get_deadlines(tonic::Request::new(GetDeadlinesRequest { tenant, records }));
    let unknown = RecordId::from_bytes([77; 16]).to_string();
    let found = ask(world.ours.to_string(), vec![record.to_string(), unknown]).await.unwrap().into_inner();
    assert_eq!(found.deadlines.iter().map(|d| d.due_ms).collect::<Vec<_>>(), [START.0 + 365 * DAY]);
    assert!(ask(world.other.to_string(), vec![record.to_string()]).await.unwrap().into_inner().deadlines.is_empty());
    let refused = ask("tnt_../../x".into(), vec![]).await.unwrap_err();
    assert_eq!(Problem::from(refused).reason(), Reason::InvalidRequest);
}

#[tokio::test]
async fn what_is_derived_is_made_anew_by_replay() {
    let world = world().await;
    let (kept, fetched) = (world.commit(world.ours, 1, 5).await, world.commit(world.ours, 2, 5).await);
    world.clock.advance_ms(30 * DAY);
    world.fetch(world.ours, fetched).await;
    world.settle().await;
    let gone = world.commit(world.ours, 3, 5).await;
    world.erase(&member(world.ours, Role::Owner), serde_json::json!({ "record": gone })).await;
    let erased = RecordErased { record: gone.to_string(), ..Default::default() };
    world.tell("upload", world.ours, &gone.to_string(), Data::RecordErased(erased)).await;
    world.settle().await;

    let owner = member(world.ours, Role::Owner);
    let look = || async {
        let mut seen = Vec::new();
        for record in [kept, fetched, gone] {
            seen.push(world.get(&owner, &format!("/v1/retention/records/{record}")).await.body["due_ms"].clone());
            seen.push(
                world.get(&as_sender(world.ours, 5), &format!("/v1/retention/records/{record}")).await.body["due_ms"]
                    .clone(),
            );
        }
        let audit = world.get(&owner, "/v1/audit").await.body["items"].as_array().unwrap().len();
        (seen, audit, world.get(&owner, "/v1/receipts").await.body)
    };
    let before = look().await;
    let db = world.app.dbs.get(world.ours).await.unwrap();
    db.tx("test.lose", |tx| {
        Box::pin(async move {
            db::query("DELETE FROM deadlines").execute(&mut **tx).await?;
            Ok::<_, siegel_platform::db::DbError>(())
        })
    })
    .await
    .unwrap();
    events::rebuild(&world.app, world.ours).await.unwrap();
    world.settle().await;
    let after = look().await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_makes_no_sense_is_parked_and_holds_nothing_up() {
    let world = world().await;
    let odd = RecordCommitted { record: "rec_x".into(), policy: "forever".into(), ..Default::default() };
    world.tell("upload", world.ours, "rec_x", Data::RecordCommitted(odd)).await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    assert_eq!(world.app.consumer.parked(), 1);
    assert_eq!(
        world.get(&member(world.ours, Role::Owner), &format!("/v1/retention/records/{record}")).await.status,
        200
    );
}
