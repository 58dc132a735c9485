//! Erasing at once: M06.

use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_api::retention::{EraseTarget, ErasureState};
use siegel_client::VerifiedReceipt;
use siegel_domain::Party;
use siegel_e2e::World;

use crate::support::{bytes, code, file, parts};

#[tokio::test(flavor = "multi_thread")]
async fn m06_erased_at_once_in_both_zones_with_a_receipt_that_verifies() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let owner = &centre.owner.session;
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let path = file(&world, "ecg.edf", &bytes(1, 10_000_000));
    let sent = sender.session.upload(&path).send().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (2, 2));
    let erasure = owner.erase(EraseTarget::Record(sent.record)).await.unwrap();
    let done = owner.await_erasure(erasure, Duration::from_secs(20)).await.unwrap();
    assert_eq!((done.state, done.records_erased), (ErasureState::Done, 1));
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (0, 0));
    assert_eq!(code(owner.open_record(sent.record).await), "gone");
    let VerifiedReceipt::Erase(receipt) = owner.receipt(done.receipts[0]).await.unwrap() else {
        panic!("a receipt of erasing");
    };
    assert_eq!(receipt.record, sent.record);
    let zones: std::collections::BTreeSet<_> = receipt.objects.iter().map(|object| object.zone.clone()).collect();
    assert_eq!(zones.len(), 2, "both zones are named");
    // The sender erases what is its own, and nobody else's; a conversation goes as a whole.
    let other = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let mine = sender.session.upload_bytes(b"mine".to_vec(), "a.txt").send().await.unwrap();
    assert_eq!(code(other.session.erase(EraseTarget::Record(mine.record)).await), "not-found");
    let erasure = sender.session.erase(EraseTarget::Record(mine.record)).await.unwrap();
    assert_eq!(sender.session.await_erasure(erasure, Duration::from_secs(20)).await.unwrap().state, ErasureState::Done);
    let thread = sender.session.open_conversation(Party::Tenant(centre.tenant), None).await.unwrap();
    for text in ["one", "two", "three"] {
        let message = sender.session.upload_bytes(text.as_bytes().to_vec(), "m.txt").conversation(thread);
        message.kind(siegel_domain::RecordKind::Message).send().await.unwrap();
    }
    let erasure = sender.session.erase(EraseTarget::Conversation(thread)).await.unwrap();
    let done = sender.session.await_erasure(erasure, Duration::from_secs(20)).await.unwrap();
    assert_eq!((done.state, done.records_total, done.records_erased), (ErasureState::Done, 3, 3));
    world.stop().await.unwrap();
}
