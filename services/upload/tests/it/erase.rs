//! Erasing: the key first, then the bytes in both zones, then the tombstone; whatever is away is waited for.

use siegel_api::conversations::OpenConversation;
use siegel_domain::{ConversationId, RecordId};
use siegel_envelope::receipt::{EraseKind, Tombstone};
use siegel_envelope::{Digest, Signed};
use siegel_platform::clock::{SystemClock, within};
use siegel_platform::zones::faults::Fault;
use siegel_platform::{Reason, peer};
use siegel_proto::events::v1::event::Data;
use siegel_proto::upload::v1::upload_service_client::UploadServiceClient;
use siegel_proto::upload::v1::{
    EraseConversationRequest, EraseRecordRequest, GetRecordPartiesRequest, ListConversationRecordsRequest,
};
use siegel_upload::access::Actor;
use siegel_upload::{inventory, range};

use crate::people::Draft;
use crate::world::{HOUR, World, world};

#[tokio::test]
async fn m06_an_erased_record_is_gone_from_both_zones_and_its_key_is_too() {
    let mut world = world().await;
    let (kept, sealed) = (world.committed(1_000).await, world.committed(300_000).await);
    let wrapped: Vec<u8> = {
        let keys = world.state.path().join(format!("tenants/{}/keys.db", world.ours));
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(keys).read_only(true);
        let mut db = sqlx::ConnectOptions::connect(&options).await.unwrap();
        sqlx::query_scalar("SELECT wrapped FROM shred_keys WHERE id = $1")
            .bind(sealed.id().to_string())
            .fetch_one(&mut db)
            .await
            .unwrap()
    };
    world.clock.advance_ms(5);
    let seen = world.erase(sealed.id()).await.unwrap();
    assert!(seen.done && seen.waiting_for.is_empty());
    assert_eq!(
        (seen.sender.clone(), seen.recipients.clone()),
        (world.sender.party.to_string(), vec![world.ours.to_string()])
    );
    let mut zones: Vec<_> = seen.objects.iter().map(|object| object.zone.as_str()).collect();
    zones.sort_unstable();
    assert_eq!(zones, ["zone-a", "zone-b"]);
    assert!(
        seen.objects.iter().all(|object| object.deleted_ms <= object.absent_ms && object.deleted_ms >= seen.erasing_ms)
    );
    assert!(seen.shred_key_destroyed_ms >= seen.erasing_ms);

    for zone in [0, 1] {
        assert_eq!(
            (world.objects(zone).len(), world.tombstones(zone).len()),
            (1, 1),
            "the other record, and a tombstone"
        );
        let bytes = std::fs::read(&world.tombstones(zone)[0]).unwrap();
        assert_eq!(Digest::of(&bytes).as_bytes().to_vec(), seen.tombstone_digest);
        let tombstone: Signed<Tombstone> = Signed::open(&bytes, world.app.statements.public_key()).unwrap();
        assert_eq!(
            (tombstone.record, tombstone.kind, tombstone.time.0),
            (sealed.id(), EraseKind::Request, seen.erasing_ms)
        );
    }
    for who in [&world.sender, &world.member] {
        assert_eq!(world.get(who, &format!("/v1/records/{}", sealed.id())).await.status, 410);
        assert_eq!(world.get_part(who, sealed.id(), 0).await.status, 410);
    }
    for who in [&world.second_sender, &world.stranger] {
        assert_eq!(world.get(who, &format!("/v1/records/{}", sealed.id())).await.status, 404);
    }
    assert_eq!(world.list(&world.member, "").await.items.iter().map(|item| item.id).collect::<Vec<_>>(), [kept.id()]);
    for table in ["parts", "parties", "grants"] {
        let sql = match table {
            "parts" => "SELECT count(*) FROM parts",
            "parties" => "SELECT count(*) FROM parties",
            _ => "SELECT count(*) FROM grants",
        };
        assert_eq!(world.count(sql).await, if table == "parties" { 2 } else { 1 }, "{table}: the other record's");
    }
    assert_eq!(
        world
            .count("SELECT count(*) FROM records WHERE manifest IS NULL AND metadata IS NULL AND receipt IS NULL")
            .await,
        1
    );
    // Not even in a free page of the file.
    world.app.shred_keys.close().await;
    let keys = std::fs::read(world.state.path().join(format!("tenants/{}/keys.db", world.ours))).unwrap();
    assert!(!keys.windows(wrapped.len()).any(|window| window == wrapped), "the wrapped key still lies in the file");
    let told = world.told().await;
    assert!(matches!(told.as_slice(), [.., Data::RecordErasing(_), Data::RecordErased(_)]), "{told:?}");
    assert!(world.trail().await.contains(&("platform".into(), "record.erase".into(), sealed.id().to_string())));
    assert_eq!(world.erase(sealed.id()).await.unwrap(), seen, "ordered again, answered alike");
    assert_eq!(world.get_part(&world.member, kept.id(), 0).await.status, 200);
}

#[tokio::test]
async fn f17_with_a_zone_away_the_rest_is_done_and_it_goes_on_later() {
    let mut world = world().await;
    let sealed = world.committed(10_000).await;
    world.faults[1].set(Fault::Down);
    let first = world.erase(sealed.id()).await.unwrap();
    assert!(!first.done && first.tombstone_digest.is_empty());
    assert_eq!(first.waiting_for, ["zone-b"]);
    assert!(first.shred_key_destroyed_ms > 0);
    assert_eq!(first.objects.iter().map(|object| object.zone.as_str()).collect::<Vec<_>>(), ["zone-a"]);
    assert_eq!((world.objects(0).len(), world.objects(1).len()), (0, 1));
    assert_eq!(
        world.get(&world.member, &format!("/v1/records/{}", sealed.id())).await.status,
        410,
        "unreadable already"
    );
    world.repair().await;
    assert_eq!(world.objects(0).len(), 0, "repair brings nothing back");

    world.restart().await;
    world.faults[1].set(Fault::None);
    world.clock.advance_ms(10_000);
    let second = world.erase(sealed.id()).await.unwrap();
    assert!(second.done && second.waiting_for.is_empty());
    assert_eq!(second.erasing_ms, first.erasing_ms);
    assert_eq!((second.objects.len(), second.tombstones.len()), (2, 2));
    assert_eq!((world.objects(1).len(), world.tombstones(0).len(), world.tombstones(1).len()), (0, 1, 1));
}

/// Times that can't follow each other would never get a receipt.
#[tokio::test]
async fn f15_a_clock_that_is_set_back_in_the_middle_does_not_turn_the_order_round() {
    let mut world = world().await;
    let sealed = world.committed(10_000).await;
    let dies = "CREATE TRIGGER dies BEFORE UPDATE OF shred_gone_ms ON erasures BEGIN SELECT RAISE(ABORT, 'no'); END";
    world.execute(dies).await;
    world.erase(sealed.id()).await.unwrap_err();
    world.execute("DROP TRIGGER dies").await;
    world.clock.jump_wall_ms(-HOUR);
    let seen = world.erase(sealed.id()).await.unwrap();
    assert!(seen.done && seen.shred_key_destroyed_ms >= seen.erasing_ms, "{seen:?}");
    assert!(
        seen.objects.iter().all(|it| seen.erasing_ms <= it.deleted_ms && it.deleted_ms <= it.absent_ms),
        "{seen:?}"
    );
    assert_eq!(world.erase(sealed.id()).await.unwrap(), seen);
}

#[tokio::test]
async fn a_zone_that_keeps_what_it_deleted_is_not_believed() {
    let mut world = world().await;
    let sealed = world.committed(10_000).await;
    world.faults[0].set(Fault::KeepDeleted);
    let seen = world.erase(sealed.id()).await.unwrap();
    assert_eq!((seen.done, seen.waiting_for), (false, vec!["zone-a".to_owned()]));
    world.faults[0].set(Fault::None);
    assert!(world.erase(sealed.id()).await.unwrap().done);
}

/// A record whose copy in the second zone was given up, and replaced by repair while it was still on its way.
async fn with_a_late_copy(world: &mut World) -> RecordId {
    world.faults[1].set(Fault::LandsLate);
    let sealed = world.uploaded(10_000).await;
    world.commit(&world.sender, &sealed).await;
    world.faults[1].set(Fault::None);
    world.repair().await;
    assert_eq!((world.objects(1).len(), world.count("SELECT count(*) FROM copies").await), (1, 3), "replaced");
    sealed.id()
}

#[tokio::test]
async fn a_copy_that_arrives_late_is_erased_with_its_record() {
    let mut world = world().await;
    let record = with_a_late_copy(&mut world).await;
    assert_eq!(world.faults[1].land().await, 1);
    let seen = world.erase(record).await.unwrap();
    assert_eq!((seen.done, seen.objects.len()), (true, 3), "looked for again, although it had been absent");
    assert_eq!(world.objects(0).len() + world.objects(1).len(), 0);
}

#[tokio::test]
async fn a_copy_that_arrives_after_the_erasure_is_an_orphan() {
    let mut world = world().await;
    let record = with_a_late_copy(&mut world).await;
    assert!(world.erase(record).await.unwrap().done);
    assert_eq!(world.faults[1].land().await, 1);
    world.clock.advance_ms(60 * 24 * HOUR); // every file's real date lies before this
    assert_eq!(inventory::check_tenant(&world.app, world.ours).await.unwrap(), 1);
    assert_eq!((world.objects(1).len(), world.tombstones(1).len()), (0, 1));
}

#[tokio::test]
async fn a_zone_that_was_taken_out_of_the_configuration_is_waited_for_by_its_name() {
    let mut world = world().await;
    let sealed = world.committed(10_000).await;
    let former = "INSERT INTO copies (zone, object, record, part, wanted, actual, checked_ms)
                  SELECT z.column1, object, record, part, wanted, actual, checked_ms
                  FROM copies, (VALUES ('zone-c'), ('zone-d'), ('zone-e')) z WHERE zone = 'zone-a'";
    world.execute(former).await;
    let seen = within(&SystemClock::new(), 30_000, world.erase(sealed.id())).await.expect("it ends").unwrap();
    let mut waiting_for = seen.waiting_for;
    waiting_for.sort();
    assert_eq!((seen.done, waiting_for), (false, vec!["zone-c".into(), "zone-d".into(), "zone-e".into()]));
    assert_eq!(world.objects(0).len() + world.objects(1).len(), 0, "the others are done");
    world.execute("DELETE FROM copies WHERE zone IN ('zone-c', 'zone-d', 'zone-e')").await; // given up by hand
    assert!(world.erase(sealed.id()).await.unwrap().done);
}

#[tokio::test]
async fn what_is_not_committed_is_not_erased() {
    let mut world = world().await;
    let open = world.uploaded(1_000).await;
    assert_eq!(world.erase(open.id()).await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    assert_eq!(world.erase(RecordId::from_bytes([9; 16])).await.unwrap_err().code(), tonic::Code::NotFound);
    let mut client = UploadServiceClient::new(peer::direct(world.app.grpc()));
    let order = |tenant: String, cause: &str| EraseRecordRequest {
        tenant,
        record: open.id().to_string(),
        actor: "platform".into(),
        device: String::new(),
        cause: cause.into(),
    };
    let committed = world.commit(&world.sender, &open).await;
    assert_eq!(committed.status, 200);
    let foreign = client.erase_record(order(world.other.to_string(), "asked")).await.unwrap_err();
    assert_eq!(foreign.code(), tonic::Code::NotFound, "another institution's");
    assert_eq!(
        client.erase_record(order(world.ours.to_string(), "?")).await.unwrap_err().code(),
        tonic::Code::InvalidArgument
    );
    assert_eq!(client.erase_record(order("x".into(), "asked")).await.unwrap_err().code(), tonic::Code::InvalidArgument);
    assert_eq!(world.get_part(&world.member, open.id(), 0).await.status, 200);
}

#[tokio::test]
async fn m06_a_conversation_is_closed_and_its_records_are_listed() {
    let mut world = world().await;
    let conversation = ConversationId::from_bytes([5; 16]);
    let subject = siegel_api::Bytes(b"sealed by the client".to_vec());
    let wish = OpenConversation { conversation, with: world.sender.party, sealed_subject: Some(subject) };
    assert_eq!(world.post(&world.member, "/v1/conversations", &wish).await.status, 200);
    let mut records = Vec::new();
    for _ in 0..3 {
        let draft = Draft { conversation: Some(conversation), ..Draft::recording(&world.dice, 100) };
        let sealed = draft.seal(&world.sender, &[world.inbox.to()], &mut world.dice);
        assert_eq!(world.post(&world.sender, "/v1/records/small", &sealed.small()).await.status, 200);
        records.push(sealed.id().to_string());
    }
    records.sort();
    let mut client = UploadServiceClient::new(peer::direct(world.app.grpc()));
    let close = EraseConversationRequest {
        tenant: world.ours.to_string(),
        conversation: conversation.to_string(),
        actor: world.member.caller.principal.to_string(),
        device: world.member.caller.device.to_string(),
    };
    assert!(client.erase_conversation(close.clone()).await.unwrap().into_inner().found);
    assert!(!client.erase_conversation(close).await.unwrap().into_inner().found, "closed before");

    let draft = Draft { conversation: Some(conversation), ..Draft::recording(&world.dice, 100) };
    let late = draft.seal(&world.sender, &[world.inbox.to()], &mut world.dice);
    assert_eq!(world.post(&world.sender, "/v1/records/small", &late.small()).await.code(), "gone");
    assert_eq!(world.get(&world.member, &format!("/v1/conversations/{conversation}")).await.status, 410);
    assert_eq!(world.count("SELECT count(*) FROM conversations WHERE sealed_subject IS NULL").await, 1);

    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let request = ListConversationRecordsRequest {
            tenant: world.ours.to_string(),
            conversation: conversation.to_string(),
            after: after.clone(),
            limit: 2,
        };
        let page = client.list_conversation_records(request).await.unwrap().into_inner();
        assert_eq!((page.found, page.with.as_str()), (true, world.sender.party.to_string().as_str()));
        let Some(last) = page.records.last() else { break };
        after.clone_from(last);
        listed.extend(page.records);
    }
    assert_eq!(listed, records);
    for record in &records {
        assert!(world.erase(record.parse().unwrap()).await.unwrap().done);
    }
    assert_eq!(world.objects(0).len() + world.objects(1).len(), 0);
}

#[tokio::test]
async fn retention_learns_whose_a_record_is_before_and_after() {
    let mut world = world().await;
    let sealed = world.committed(100).await;
    let ask = async |world: &World, tenant: String| {
        let mut client = UploadServiceClient::new(peer::direct(world.app.grpc()));
        let request = GetRecordPartiesRequest { tenant, record: sealed.id().to_string() };
        client.get_record_parties(request).await.unwrap().into_inner()
    };
    let before = ask(&world, world.ours.to_string()).await;
    assert_eq!((before.state.as_str(), before.sender.clone()), ("committed", world.sender.party.to_string()));
    world.erase(sealed.id()).await.unwrap();
    let after = ask(&world, world.ours.to_string()).await;
    assert_eq!((after.state.as_str(), after.sender, after.recipients), ("erased", before.sender, before.recipients));
    assert!(!ask(&world, world.other.to_string()).await.found);
}

#[tokio::test]
async fn a_download_that_an_erasure_overtakes_hears_that_it_is_gone() {
    let mut world = world().await;
    let sealed = world.committed(10_000).await;
    let actor = Actor::of(&world.app, &world.member.caller).unwrap();
    let part = range::find(&world.app, &actor, (sealed.id(), 0)).await.unwrap();
    assert!(world.erase(sealed.id()).await.unwrap().done);
    let refused = range::stream(&part, 0..part.sealed_bytes).await.err().unwrap();
    assert_eq!(refused.reason(), Reason::Gone);
    assert_eq!(world.app.metrics.damaged_in("zone-a", "lost"), 0);
}
