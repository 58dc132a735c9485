//! Small records: everything in one request, all of it or nothing.

use siegel_api::Bytes;
use siegel_api::records::{CommitAnswer, SmallRecord};
use siegel_api::tenants::Durability;
use siegel_domain::limits::SMALL_RECORD_BYTES;
use siegel_platform::zones::faults::Fault;
use siegel_proto::events::v1::event::Data;

use crate::people::{Draft, Sealed};
use crate::world::{Answer, World, world};

async fn send(world: &World, sealed: &Sealed) -> Answer {
    world.post(&world.sender, "/v1/records/small", &sealed.small()).await
}

#[tokio::test]
async fn one_request_and_it_is_committed() {
    let mut world = world().await;
    for size in [0, 1, 4_096, SMALL_RECORD_BYTES] {
        let sealed = world.recording(size);
        let answer: CommitAnswer = send(&world, &sealed).await.into();
        assert!(!answer.degraded);
        let again: CommitAnswer = send(&world, &sealed).await.into();
        assert_eq!(again.receipt, answer.receipt);
        assert_eq!(world.get_part(&world.member, sealed.id(), 0).await.bytes, sealed.parts[0]);
    }
    for zone in [0, 1] {
        assert_eq!(world.objects(zone).len(), 4);
    }
    let committed = world.told().await.into_iter().filter(|data| matches!(data, Data::RecordCommitted(_)));
    assert_eq!(committed.count(), 4);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let mut world = world().await;
    let sealed = world.recording(1_000);
    let refuse = async |small: SmallRecord, code: &str| {
        let answer = world.post(&world.sender, "/v1/records/small", &small).await;
        assert_eq!(answer.code(), code, "{}", answer.body);
    };
    let mut part = sealed.parts[0].clone();
    part[100] ^= 1;
    refuse(SmallRecord { part: Bytes(part), ..sealed.small() }, "digest-mismatch").await;
    refuse(SmallRecord { part: Bytes(vec![0; 40]), ..sealed.small() }, "invalid-request").await;
    let mut other = sealed.small();
    other.commit = sealed.commit_as(&world.second_sender, |_| {});
    refuse(other, "signature-refused").await;
    let mut none = sealed.small();
    none.commit.grants.clear();
    refuse(none, "grant-refused").await;
    assert_eq!(world.faults.iter().map(|faults| faults.writes()).sum::<u64>(), 0);
    assert_eq!(world.count("SELECT count(*) FROM records").await, 0);

    let large = world.recording(SMALL_RECORD_BYTES + 1);
    let answer = send(&world, &large).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert_eq!(send(&world, &sealed).await.status, 200);
}

#[tokio::test]
async fn an_id_is_taken_once() {
    let mut world = world().await;
    let sealed = world.recording(1_000);
    send(&world, &sealed).await;
    let again = Draft { record: sealed.id(), ..Draft::recording(&world.dice, 1_000) };
    let by_same = again.seal(&world.sender, &[world.inbox.to()], &mut world.dice);
    assert_eq!(send(&world, &by_same).await.code(), "record-state");
    let by_other = again.seal(&world.second_sender, &[world.inbox.to()], &mut world.dice);
    assert_eq!(world.post(&world.second_sender, "/v1/records/small", &by_other.small()).await.code(), "already-exists");
    assert_eq!(world.open(&world.second_sender, &by_other).await.code(), "already-exists");
    assert_eq!(world.objects(0).len() + world.objects(1).len(), 2);

    // Two at once under one id: one is the record, of the other nothing is left.
    let one = world.recording(2_000);
    let draft = Draft { record: one.id(), ..Draft::recording(&world.dice, 2_000) };
    let two = draft.seal(&world.sender, &[world.inbox.to()], &mut world.dice);
    let (a, b) = futures::join!(send(&world, &one), send(&world, &two));
    assert_eq!([a.status, b.status].into_iter().filter(|status| *status == 200).count(), 1, "{} {}", a.body, b.body);
    assert_eq!(world.objects(0).len() + world.objects(1).len(), 4);
    let winner = if a.status == 200 { &one } else { &two };
    assert_eq!(world.get_part(&world.member, one.id(), 0).await.bytes, winner.parts[0]);
}

#[tokio::test]
async fn f01_with_one_zone_the_institutions_setting_decides() {
    let mut world = world().await;
    world.faults[1].set(Fault::Down);
    let sealed = world.recording(1_000);
    let answer: CommitAnswer = send(&world, &sealed).await.into();
    assert!(answer.degraded);

    world.set_durability(Durability::Strict).await;
    let strict = world.recording(1_000);
    let refused = send(&world, &strict).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "zone-unavailable"));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(world.objects(0).len(), 1, "what zone a had taken is gone again");
    world.faults[1].set(Fault::None);
    assert_eq!(send(&world, &strict).await.status, 200);
}

#[tokio::test]
async fn f08_a_full_disk_under_the_database_refuses_and_leaves_nothing_half() {
    let mut world = world().await;
    // SQLite's own limit: from here on the file does not grow.
    world.execute("PRAGMA max_page_count = 1").await;
    let mut taken = 0;
    let refused = loop {
        let sealed = world.recording(1_000);
        let answer = send(&world, &sealed).await;
        match answer.status.as_u16() {
            200 => taken += 1,
            _ => break (sealed, answer),
        }
        assert!(taken < 200, "the file still grows");
    };
    assert_eq!((refused.1.status.as_u16(), refused.1.code()), (507, "storage-full"));
    assert_eq!(world.count("SELECT count(*) FROM records").await, taken);
    for zone in [0, 1] {
        assert_eq!(world.objects(zone).len() as i64, taken, "what the zones had taken is gone again");
    }
    // The platform opens the database anew after such a failure; there is room again, and the same request goes through.
    assert_eq!(send(&world, &refused.0).await.status, 200);
    assert_eq!(world.list(&world.member, "?page_size=200").await.items.len() as i64, taken + 1);
}
