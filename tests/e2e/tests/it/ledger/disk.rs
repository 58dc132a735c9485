//! FAULTS F8: no space in one zone, and in both. A full zone is a lost one: whoever takes one copy goes on, whoever wants two is
//! told that there is no room, and when there is, everything is made whole.

use std::time::Duration;

use siegel_client::{Code, Error};
use siegel_e2e::{Ground, Room, ZONES};

use super::{Case, House, rounds};
use crate::support::bytes;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "breaks what other tests stand on: cargo xtask soak --once"]
async fn f08_a_full_zone_is_a_lost_one_until_there_is_room_again() {
    let ground = Ground::of_tests().unwrap();
    // Declared first, so that zones are given back last, whatever becomes of the test.
    let room = Room::of_its_own(&ground).await.unwrap();
    let case = Case::new().await;
    for round in 0..rounds() {
        // Either zone in its turn.
        let (full, other) = if round % 2 == 0 { ("b", "a") } else { ("a", "b") };
        let plain = |number: u64| bytes(100 * round as u64 + 2 * number, 40_000);
        for house in [&case.available, &case.strict] {
            house.send(&plain(1)).await;
        }
        let degraded = case.available.ledger.degraded();
        // Nobody is at work yet: what is refused is refused for want of room, and not because zones are cut off already.
        for zone in ZONES {
            room.fill(zone).unwrap();
        }
        refused(&case.available, &plain(2)).await;
        room.free(other).unwrap();
        refused(&case.strict, &plain(3)).await;
        let sent = case.available.send(&plain(4)).await;
        assert!(sent.degraded, "its receipt says that one zone has it");
        // Everything can be read, and nothing of what was refused is there.
        for house in [&case.available, &case.strict] {
            house.check().await.unwrap();
        }
        let loads = case.work();
        loads[0].goes_on(10, Duration::from_secs(60)).await.unwrap();
        assert!(loads[1].uploads() == 0, "both zones are wanted, and one has no room");
        room.free(full).unwrap();
        loads[1].goes_on(3, Duration::from_secs(60)).await.unwrap();
        case.finish("F8", loads).await;
        assert!(case.available.ledger.degraded() > degraded + 1, "people at work were told, too");
        assert_eq!(case.strict.ledger.degraded(), 0);
        case.repaired().await;
    }
    case.ends_whole().await;
    room.end().await.unwrap();
}

/// There is no room for it: that is said, with a word on when to come back.
async fn refused(house: &House, plain: &[u8]) {
    let refused = house.impatient().upload_bytes(plain.to_vec(), "ecg.edf").send().await.unwrap_err();
    let full = |error: &Error| match error {
        Error::Refused(problem) => {
            problem.status == 507 && problem.code == Code::StorageFull && problem.retry_after_s >= Some(1)
        }
        _ => false,
    };
    assert!(full(&refused), "{}: {refused:?}", house.centre.handle);
}
