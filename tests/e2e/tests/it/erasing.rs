//! Erasing at once and by itself: C11, M06.

use std::sync::Arc;
use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_api::retention::{EraseTarget, ErasureState};
use siegel_client::VerifiedReceipt;
use siegel_domain::time::{DAY_MS, HOUR_MS};
use siegel_domain::{Party, Timestamp};
use siegel_e2e::{World, WorldOptions};
use siegel_platform::clock::{Clock as _, ManualClock, SystemClock};

use crate::support::{bytes, code, content, file};

/// Sealed parts in a zone: what is left are tombstones, which are small.
fn parts(world: &World, zone: &str) -> usize {
    world.objects(zone).iter().filter(|path| std::fs::metadata(path).is_ok_and(|meta| meta.len() > 4_096)).count()
}

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

#[tokio::test(flavor = "multi_thread")]
async fn c11_what_nobody_fetched_for_a_year_is_erased_by_itself() {
    // The platform's clock begins now, since clients have clocks of their own, and is then moved by hand.
    let clock = ManualClock::new(SystemClock::default().now());
    let options = || WorldOptions { clock: Some(Arc::new(clock.clone())), workers: false, ..WorldOptions::default() };
    let world = World::with(options()).await.unwrap();
    // Background work is stepped by hand, but a centre has to become ready while its dealer waits.
    let dealer = world.dealer().await.unwrap();
    let centre = world.centre_with(&dealer, "herz", Default::default()).await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let never = sender.session.upload_bytes(vec![1; 9_000], "never.edf").send().await.unwrap();
    let later = sender.session.upload_bytes(vec![2; 9_000], "later.edf").send().await.unwrap();
    world.settle().await.unwrap();
    let committed = owner_deadline(&world, &centre, never.record).await;
    // A hundred seconds on (clients' clocks allow five minutes) one of them is fetched: its year starts anew.
    clock.advance_ms(100_000);
    content(&centre.owner.session, later.record, &world.outside("later")).await.unwrap();
    world.settle().await.unwrap();
    let fetched = owner_deadline(&world, &centre, later.record).await;
    assert!(fetched.0 >= committed.0 + 99_000, "{fetched:?} {committed:?}");
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (2, 2));
    // Just before the year is over nothing happens; then only what nobody fetched goes.
    let to = |when: Timestamp| clock.advance_ms(when.0 - clock.now().0);
    to(committed.plus_ms(-1_000));
    world.settle().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (2, 2));
    to(committed.plus_ms(1_000));
    world.settle().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (1, 1));
    // A clock that jumps ahead by two years holds everything until somebody confirms it.
    clock.jump_wall_ms(2 * 365 * DAY_MS);
    world.settle().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (1, 1));
    clock.jump_wall_ms(-2 * 365 * DAY_MS);
    let confirmed: siegel_platform::clock::SharedClock = Arc::new(clock.clone());
    siegel_platform::clock::ClockGuard::confirm(&world.state().join("clock.mark"), &confirmed).unwrap();
    to(fetched.plus_ms(HOUR_MS));
    world.settle().await.unwrap();
    assert_eq!((parts(&world, "a"), parts(&world, "b")), (0, 0));
    world.stop().await.unwrap();
}

async fn owner_deadline(_: &World, centre: &siegel_e2e::Centre, record: siegel_domain::RecordId) -> Timestamp {
    Timestamp(centre.owner.session.deadline(record).await.unwrap().due_ms)
}
