//! At once and for good (M06), whatever is killed or away (F17).

use serde_json::json;
use siegel_api::retention::EraseTarget;
use siegel_domain::{JobId, RecordId, Role};
use siegel_envelope::Signed;
use siegel_envelope::receipt::{EraseKind, EraseReceipt};
use siegel_platform::testing::START;
use siegel_retention::erase;
use siegel_retention::store::erasures::{Cause, NewErasure};

use crate::world::{DAY, as_sender, member, world};

fn asked_for(n: u8, record: RecordId) -> NewErasure {
    NewErasure {
        id: JobId::from_bytes([n; 16]),
        cause: Cause::Asked,
        target: EraseTarget::Record(record),
        second: None,
        actor: "platform".into(),
        device: String::new(),
        created: START,
    }
}

#[tokio::test]
async fn m06_a_member_erases_a_record_and_holds_the_receipt() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.settle().await;
    let member = member(world.ours, Role::Member);
    let done = world.erase(&member, json!({ "record": record })).await;
    assert_eq!((done.status.as_u16(), &done.body["state"]), (200, &json!("done")));
    assert_eq!((&done.body["records_total"], &done.body["records_erased"]), (&json!(1), &json!(1)));
    let receipt = world.get(&member, &format!("/v1/receipts/{}", done.body["receipts"][0].as_str().unwrap())).await;
    let bytes: siegel_api::Bytes = serde_json::from_value(receipt.body["receipt"].clone()).unwrap();
    let signed = Signed::<EraseReceipt>::open(&bytes, world.app.signer.public_key()).unwrap();
    assert_eq!((signed.record, signed.tenant, signed.kind), (record, world.ours, EraseKind::Request));
    assert_eq!((signed.requested, signed.shred_key_gone), (START, START));
    assert_eq!(signed.horizon, START.plus_ms(7 * DAY));
    assert_eq!(signed.objects.iter().map(|object| object.zone.as_str()).collect::<Vec<_>>(), ["zone-a", "zone-b"]);
    assert_eq!(signed.tombstone.as_bytes(), &[7; 32]);

    let again = world.erase(&member, json!({ "record": record })).await;
    assert_eq!(again.body["id"], done.body["id"], "asking again is the same erasure");
    world.settle().await;
    let kinds = world.own_events(world.ours).await;
    assert_eq!(kinds, ["siegel.audit.v1", "siegel.receipt.issued.v1", "siegel.audit.v1"]);
    assert_eq!(world.upload.lock().asked, 1);
}

#[tokio::test]
async fn m06_a_sender_erases_its_own_and_nothing_else() {
    let world = world().await;
    let (own, foreign) = (world.commit(world.ours, 1, 5).await, world.commit(world.ours, 2, 6).await);
    let sender = as_sender(world.ours, 5);
    let refused = world.erase(&sender, json!({ "record": foreign })).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (404, "not-found"));
    let missing = world.erase(&sender, json!({ "record": RecordId::from_bytes([99; 16]) })).await;
    assert_eq!(missing.body["detail"], refused.body["detail"], "no difference to what does not exist");
    assert_eq!(world.erase(&sender, json!({ "record": own })).await.status, 200);
    assert_eq!(world.upload.record(world.ours, foreign).state, "committed");
    let elsewhere = world.erase(&member(world.other, Role::Owner), json!({ "record": foreign })).await;
    assert_eq!(elsewhere.status, 404);
    let unconfirmed = siegel_platform::auth::Caller { confirmed: false, ..as_sender(world.ours, 6) };
    assert_eq!(world.erase(&unconfirmed, json!({ "record": foreign })).await.code(), "not-confirmed");
    assert_eq!(world.erase(&sender, json!({ "record": own, "conversation": "cnv_x" })).await.status, 400);
}

#[tokio::test]
async fn what_was_never_committed_is_not_erased() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.upload.lock().records.get_mut(&(world.ours, record)).unwrap().state = "open";
    assert_eq!(world.erase(&as_sender(world.ours, 5), json!({ "record": record })).await.code(), "record-state");
    assert_eq!(world.erase(&member(world.ours, Role::Owner), json!({ "record": record })).await.code(), "not-found");
}

#[tokio::test]
async fn m06_the_second_party_erases_a_conversation_as_a_whole() {
    let world = world().await;
    let conversation = world.conversation(world.ours, 9, 5);
    let mut records = Vec::new();
    for n in 0..25 {
        records.push(world.commit_in(world.ours, n, 5 + n % 2, Some(conversation)).await);
    }
    let outside = world.commit(world.ours, 200, 5).await;
    for stranger in [as_sender(world.ours, 6), as_sender(world.other, 5), member(world.other, Role::Owner)] {
        assert_eq!(world.erase(&stranger, json!({ "conversation": conversation })).await.status, 404);
    }
    let second = as_sender(world.ours, 5);
    let begun = world.erase(&second, json!({ "conversation": conversation })).await;
    assert!([200, 202].contains(&begun.status.as_u16()));
    world.settle().await;
    let done = world.get(&second, &format!("/v1/retention/erasures/{}", begun.body["id"].as_str().unwrap())).await;
    assert_eq!((&done.body["state"], &done.body["records_erased"]), (&json!("done"), &json!(25)));
    assert!(records.iter().all(|record| world.upload.record(world.ours, *record).state == "erased"));
    assert_eq!(world.upload.record(world.ours, outside).state, "committed");
    assert!(world.upload.lock().conversations[&(world.ours, conversation)].closed);
}

#[tokio::test]
async fn a_zone_that_is_away_is_waited_for_and_named() {
    let world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    world.upload.lock().away.insert("zone-b");
    let owner = member(world.ours, Role::Owner);
    let begun = world.erase(&owner, json!({ "record": record })).await;
    assert_eq!((begun.status.as_u16(), &begun.body["waiting_for"]), (202, &json!("zone-b")));
    assert!(world.upload.record(world.ours, record).shredded_ms > 0, "unreadable all the same");
    let path = format!("/v1/retention/erasures/{}", begun.body["id"].as_str().unwrap());
    for _ in 0..5 {
        world.clock.advance_ms(120_000);
        world.settle().await;
        let waiting = world.get(&owner, &path).await;
        assert_eq!((&waiting.body["state"], &waiting.body["waiting_for"]), (&json!("running"), &json!("zone-b")));
    }
    assert!(
        world.get(&owner, "/v1/receipts").await.body["items"].as_array().unwrap().is_empty(),
        "no receipt before the end"
    );
    world.upload.lock().away.clear();
    world.clock.advance_ms(120_000);
    world.settle().await;
    let done = world.get(&owner, &path).await;
    assert_eq!((&done.body["state"], &done.body["waiting_for"]), (&json!("done"), &json!(null)));
}

#[tokio::test]
async fn f17_killed_between_shred_and_delete_the_work_is_given_back() {
    let mut world = world().await;
    let record = world.commit(world.ours, 1, 5).await;
    let hung = {
        let mut state = world.upload.lock();
        state.hang_after_shred = true;
        state.hung.clone()
    };
    let owner = member(world.ours, Role::Owner);
    erase::begin(&world.app, world.ours, asked_for(1, record)).await.unwrap();
    {
        let working = std::pin::pin!(erase::run_tenant(&world.app, world.ours));
        tokio::select! {
            biased;
            _ = working => panic!("it hangs"),
            () = hung.notified() => {} // and here the process dies: the future is dropped where it stands
        }
    }
    let asked = world.upload.record(world.ours, record);
    assert_eq!((asked.state, asked.objects.len()), ("erasing", 2), "unreadable, and not a byte deleted");

    world.upload.lock().hang_after_shred = false;
    world.restart().await;
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "erasing", "the lease of the dead still runs");
    world.clock.advance_ms(61_000);
    world.settle().await;
    assert_eq!(world.upload.record(world.ours, record).state, "erased");
    let receipts = world.get(&owner, "/v1/receipts").await;
    assert_eq!(receipts.body["items"].as_array().unwrap().len(), 1, "one receipt, for both done");
}

#[tokio::test]
async fn two_workers_erase_a_record_once() {
    let world = world().await;
    for n in 0..20 {
        let record = world.commit(world.ours, n, 5).await;
        erase::begin(&world.app, world.ours, asked_for(n, record)).await.unwrap();
    }
    while erase::run_tenant(&world.app, world.ours).await.unwrap() + {
        let (one, two) =
            tokio::join!(erase::run_tenant(&world.app, world.ours), erase::run_tenant(&world.app, world.ours));
        one.unwrap() + two.unwrap()
    } > 0
    {}
    assert_eq!(world.upload.lock().asked, 20);
}
