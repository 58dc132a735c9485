//! What happens when a zone on S3 is lost, full, cut off in the middle, or rots.

use bytes::Bytes;
use siegel_envelope::part::{self, PartShape};
use siegel_platform::clock::{Clock, SystemClock};
use siegel_platform::zones::{DEADLINE_MS, ZoneError, contract};

use crate::zones::{self, END, RNG, bucket_in, name, part as whole_part};
use siegel_platform::testing::gateway::{Gateway, Keys};

#[tokio::test]
async fn a_full_zone_says_so_and_still_reads_and_deletes() {
    let Some(gateway) = Gateway::start_small().await else { return };
    contract::full(&gateway.zone(&Keys::default()), RNG).await.unwrap();
}

/// F6. S3 does not notice; who reads (siegel-upload, its scrubber) asks this digest and never the zone.
#[tokio::test]
async fn what_rots_on_the_servers_disk_is_served_and_its_digest_tells() {
    let Some(gateway) = Gateway::start().await else { return };
    let zone = gateway.zone(&Keys::default());
    let (bucket, name, sealed) = (bucket_in(&zone).await, name(), sealed_part());
    let digest = part::digest_of(&sealed).unwrap();
    zone.put_new(&bucket, &name, sealed.clone()).await.unwrap();
    assert_eq!(part::digest_of(&zone.get(&bucket, &name).await.unwrap()), Ok(digest));

    let file = gateway.root().join(bucket.as_str()).join(name.as_str());
    for at in [0, sealed.len() / 2, sealed.len() - 1] {
        let mut rotten = sealed.to_vec();
        rotten[at] ^= 1;
        std::fs::write(&file, &rotten).unwrap();
        let read = zone.get(&bucket, &name).await.expect("served as if nothing were wrong");
        assert_eq!(read, rotten);
        assert_ne!(part::digest_of(&read), Ok(digest), "byte {at}");
    }
}

/// Bytes in the form of a sealed part.
fn sealed_part() -> Bytes {
    let shape = PartShape::of_plain(300_000);
    let mut sealed = vec![9; shape.trailer_start()];
    let hashes = (0..).map(|chunk| shape.chunk_range(chunk)).take_while(|range| range.start < shape.trailer_start());
    let trailer: Vec<u8> = hashes.flat_map(|range| *blake3::hash(&sealed[range]).as_bytes()).collect();
    sealed.extend(trailer);
    assert_eq!(sealed.len(), shape.sealed_bytes());
    sealed.into()
}

/// The second try is told that there is such an object: its own.
#[tokio::test]
async fn a_write_whose_answer_is_lost_is_repeated_and_counts() {
    let Some(gateway) = Gateway::start().await else { return };
    let (keys, wire) = (Keys::default(), gateway.wire().await);
    let (zone, direct) = (gateway.zone_through(&wire, &keys), gateway.zone(&keys));
    let (bucket, name) = (bucket_in(&direct).await, name());
    assert!(!zone.exists(&bucket, &name).await.unwrap(), "a connection is open");
    wire.lose_an_answer();
    zone.put_new(&bucket, &name, Bytes::from_static(b"sealed")).await.unwrap();
    assert!(wire.lost_it());
    assert_eq!(direct.get(&bucket, &name).await.unwrap(), "sealed");
    let again = zone.put_new(&bucket, &name, Bytes::from_static(b"sealed")).await;
    assert!(matches!(again, Err(ZoneError::Exists)), "{again:?}");
}

#[tokio::test]
async fn a_write_that_is_cut_is_never_taken_for_a_whole_one_and_the_zone_heals() {
    let Some(mut gateway) = Gateway::start().await else { return };
    let (keys, wire) = (Keys::default(), gateway.wire().await);
    let zone = gateway.zone_through(&wire, &keys);
    let (bucket, kept, cut) = (bucket_in(&zone).await, name(), name());
    zone.put_new(&bucket, &kept, whole_part()).await.unwrap();

    wire.cut_after(3 << 20); // in the middle of the part
    let put = zone.put_new(&bucket, &cut, whole_part()).await;
    assert!(matches!(put, Err(ZoneError::Failed(_))), "{put:?}");
    wire.mend();
    // versitygw 1.8 keeps what had arrived. It has no row, so that nobody reads it, and the inventory deletes it.
    assert!(!zone.get(&bucket, &cut).await.is_ok_and(|found| found == whole_part()));
    zone.delete(&bucket, &cut).await.unwrap();
    assert!(contract::listed(&zone, &bucket, END).await.unwrap().contains(&kept));
    zone.put_new(&bucket, &name(), whole_part()).await.expect("the zone is well again");

    gateway.kill();
    let clock = SystemClock::new();
    let began = clock.monotonic_ms();
    for _ in 0..3 {
        assert!(matches!(zone.put_new(&bucket, &name(), whole_part()).await, Err(ZoneError::Failed(_))));
    }
    assert!(matches!(zone.put_new(&bucket, &name(), whole_part()).await, Err(ZoneError::CutOff)));
    assert!(clock.monotonic_ms() - began < 5_000, "a zone that refuses connections costs little");
    gateway.restart().await;
    assert_eq!(zone.get(&bucket, &kept).await.unwrap(), whole_part(), "reading was never cut off");
}

#[tokio::test]
async fn a_zone_that_swallows_everything_is_cut_off_by_its_deadline() {
    let Some(gateway) = Gateway::start().await else { return };
    let zone = gateway.zone(&Keys::default());
    let (bucket, name, clock) = (bucket_in(&zone).await, name(), SystemClock::new());
    zone.put_new(&bucket, &name, Bytes::from_static(b"sealed")).await.unwrap();

    gateway.signal("-STOP");
    let began = clock.monotonic_ms();
    let names = [(); 3].map(|()| zones::name());
    let puts = futures::future::join_all(names.iter().map(|name| zone.put_new(&bucket, name, whole_part()))).await;
    assert!(puts.iter().all(|put| put.as_ref().is_err_and(ZoneError::is_failure)), "{puts:?}");
    let took = clock.monotonic_ms() - began;
    assert!(took < DEADLINE_MS + 1_000, "{took} ms");
    assert!(!zone.writes_go_well());
    let began = clock.monotonic_ms();
    assert!(matches!(zone.put_new(&bucket, &zones::name(), whole_part()).await, Err(ZoneError::CutOff)));
    assert!(clock.monotonic_ms() - began < 100, "the next caller loses no time");

    gateway.signal("-CONT");
    assert_eq!(zone.get(&bucket, &name).await.unwrap(), "sealed");
}
