//! What goes wrong under people who do nothing wrong: rot on a disk, and other people's ids.

use std::path::Path;
use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_e2e::World;

use crate::support::{bytes, code, content, file};

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_one_zone_is_healed_on_read_and_in_both_is_said() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let plain = bytes(9, 3_000_000);
    let path = file(&world, "ecg.edf", &plain);
    let sent = sender.session.upload(&path).send().await.unwrap();
    let flip = |path: &Path| {
        let mut rotten = std::fs::read(path).unwrap();
        let middle = rotten.len() / 2;
        rotten[middle] ^= 1;
        std::fs::write(path, rotten).unwrap();
    };
    let object = |zone: &str| {
        let mut large =
            world.objects(zone).into_iter().filter(|path| std::fs::metadata(path).unwrap().len() > 2_000_000);
        large.next().unwrap()
    };
    let good = std::fs::read(object("a")).unwrap();
    flip(&object("a"));
    assert!(content(&centre.owner.session, sent.record, &world.outside("x")).await.unwrap() == plain);
    for _ in 0..600 {
        if std::fs::read(object("a")).is_ok_and(|healed| healed == good) {
            break;
        }
        siegel_e2e::moment(Duration::from_millis(50)).await;
    }
    assert!(std::fs::read(object("a")).unwrap() == good, "the rotten copy was healed from the good one");
    assert!(world.metrics().await.unwrap().contains("rot"), "and counted");
    // In both: a clear error, and no file with half of it.
    flip(&object("a"));
    flip(&object("b"));
    let target = world.outside("never");
    assert!(content(&centre.owner.session, sent.record, &target).await.is_err());
    assert!(!target.exists());
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_ids_are_not_found_through_the_sdk() {
    let world = World::start().await.unwrap();
    let (one, two) = (world.centre("eins").await.unwrap(), world.centre("zwei").await.unwrap());
    let sender = world.sender(&one, ReturnReport::Always).await.unwrap();
    let sent = sender.session.upload_bytes(b"mine".to_vec(), "a.txt").send().await.unwrap();
    // Another tenant's record, sender and member are not there, whoever asks.
    let stranger = &two.owner.session;
    assert_eq!(code(stranger.open_record(sent.record).await), "not-found");
    assert_eq!(code(stranger.sender(sender.sender_id().unwrap()).await), "not-found");
    assert_eq!(code(stranger.deadline(sent.record).await), "not-found");
    assert_eq!(code(stranger.remove_sender(sender.sender_id().unwrap()).await), "not-found");
    let erase = siegel_api::retention::EraseTarget::Record(sent.record);
    assert_eq!(code(stranger.erase(erase).await), "not-found");
    world.stop().await.unwrap();
}
