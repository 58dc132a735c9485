//! Zones that are away, full, read-only, slow, forgetful or rotten.

use std::path::Path;

use siegel_api::records::{CommitAnswer, PartAck};
use siegel_api::tenants::Durability;
use siegel_domain::limits::PART_PLAINTEXT_BYTES;
use siegel_envelope::Signed;
use siegel_envelope::receipt::UploadReceipt;
use siegel_platform::zones::NAMES;
use siegel_platform::zones::faults::Fault;
use siegel_proto::events::v1::event::Data;
use siegel_upload::{repair, scrub};

use crate::world::{HOUR, World, world, world_with};

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

async fn missing_and_healed(world: &World) -> (usize, usize) {
    let told = world.told().await;
    let missing = told.iter().filter(|data| matches!(data, Data::CopyMissing(_))).count();
    (missing, told.iter().filter(|data| matches!(data, Data::CopyHealed(_))).count())
}

#[tokio::test]
async fn f01_f02_available_goes_on_with_one_zone_and_heals() {
    let mut world = world().await;
    for fault in [Fault::Down, Fault::ReadOnly, Fault::Full] {
        let sealed = world.recording(PART_PLAINTEXT_BYTES + 5_000);
        world.open(&world.sender, &sealed).await;
        let first: PartAck = world.put(&world.sender, &sealed, 0).await.into();
        assert_eq!(first.zones, NAMES);
        world.faults[1].set(fault); // the zone is lost while parts are on their way
        let second: PartAck = world.put(&world.sender, &sealed, 1).await.into();
        assert_eq!(second.zones, ["zone-a"], "{fault:?}");
        let answer: CommitAnswer = world.commit(&world.sender, &sealed).await.into();
        assert!(answer.degraded);
        let receipt: Signed<UploadReceipt> = Signed::open(&answer.receipt, world.app.statements.public_key()).unwrap();
        assert!(!receipt.is_whole());
        assert_eq!([receipt.zones[0].parts, receipt.zones[1].parts], [2, 1]);
        assert_eq!(world.get_part(&world.member, sealed.id(), 1).await.bytes, sealed.parts[1], "reads go on");

        assert_eq!(
            repair::run_once(&world.app).await.unwrap_or(0),
            world.app.ctx.tenants.list().len() * usize::from(fault == Fault::Down),
            "nothing can be healed yet"
        );
        world.faults[1].set(Fault::None);
        world.clock.advance_ms(10_000);
        world.repair().await;
        assert_eq!((world.objects(0).len(), world.objects(1).len()), (world.objects(1).len(), world.objects(0).len()));
    }
    assert_eq!(missing_and_healed(&world).await, (3, 3));
    assert_eq!(world.app.metrics.healed_in("zone-b"), 3);
    assert_eq!(world.count("SELECT count(*) FROM copies WHERE wanted <> actual").await, 0);
}

#[tokio::test]
async fn f01_f08_strict_refuses_at_once_and_leaves_nothing() {
    let mut world = world().await;
    world.set_durability(Durability::Strict).await;
    let sealed = world.recording(10_000);
    world.open(&world.sender, &sealed).await;
    for (fault, status, code) in [
        (Fault::Down, 503, "zone-unavailable"),
        (Fault::ReadOnly, 503, "zone-unavailable"),
        (Fault::Full, 507, "storage-full"),
    ] {
        world.faults[0].set(fault);
        let answer = world.put(&world.sender, &sealed, 0).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{fault:?}");
        assert!(answer.headers.contains_key("retry-after"));
        world.faults[0].set(Fault::None);
        assert_eq!(world.objects(0).len() + world.objects(1).len(), 0, "{fault:?}");
        world.clock.advance_ms(10_000);
    }
    // The breaker is open after three failures: refused without a byte to either zone.
    world.faults[0].set(Fault::Down);
    let answer = world.put(&world.sender, &sealed, 0).await;
    assert_eq!(answer.status, 503);
    let written = world.faults[1].writes();
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 503);
    assert_eq!(world.faults[1].writes(), written);
    world.faults[0].set(Fault::None);
    world.clock.advance_ms(10_000);
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 200);
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 200);
}

#[tokio::test]
async fn strict_at_commit_wants_every_part_in_both_zones() {
    let mut world = world().await;
    world.faults[1].set(Fault::Down);
    let sealed = world.uploaded(10_000).await;
    world.set_durability(Durability::Strict).await;
    assert_eq!(world.commit(&world.sender, &sealed).await.code(), "zone-unavailable");
    world.faults[1].set(Fault::None);
    world.repair().await;
    let answer: CommitAnswer = world.commit(&world.sender, &sealed).await.into();
    assert!(!answer.degraded, "an open upload is repaired too");
}

#[tokio::test]
async fn f08_no_room_anywhere_says_so() {
    let mut world = world().await;
    let sealed = world.recording(10_000);
    world.open(&world.sender, &sealed).await;
    for faults in &world.faults {
        faults.set(Fault::Full);
    }
    let full = world.put(&world.sender, &sealed, 0).await;
    assert_eq!((full.status.as_u16(), full.code()), (507, "storage-full"));
    world.faults[1].set(Fault::Down);
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 503, "one full and one away: waiting may help");
    for faults in &world.faults {
        faults.set(Fault::None);
    }
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 200);
}

#[tokio::test]
async fn a_zones_directory_that_is_gone_is_a_lost_zone() {
    let mut world = world().await;
    if world.servers.is_some() {
        return; // a server's directory is its own matter
    }
    let (b, away) = (world.state.path().join("zones/b"), world.state.path().join("away"));
    std::fs::rename(&b, &away).unwrap();
    let sealed = world.uploaded(10_000).await;
    assert!(!b.exists(), "written into the mount point");
    let answer: CommitAnswer = world.commit(&world.sender, &sealed).await.into();
    assert!(answer.degraded);
    world.set_durability(Durability::Strict).await;
    let strict = world.recording(10_000);
    world.open(&world.sender, &strict).await;
    assert_eq!(world.put(&world.sender, &strict, 0).await.status, 503);
    std::fs::rename(&away, &b).unwrap();
    world.clock.advance_ms(10_000);
    world.repair().await;
    assert_eq!(world.objects(1).len(), 1);
    assert_eq!(world.put(&world.sender, &strict, 0).await.status, 200);
}

#[tokio::test]
async fn f03_a_lost_answer_is_found_to_be_there() {
    let mut world = world().await;
    let sealed = world.recording(10_000);
    world.open(&world.sender, &sealed).await;
    world.faults[1].set(Fault::LoseAnswers);
    let ack: PartAck = world.put(&world.sender, &sealed, 0).await.into();
    assert_eq!(ack.zones, ["zone-a"], "nobody knows, so it does not count");
    world.faults[1].set(Fault::None);
    let written = world.faults[1].writes();
    world.repair().await;
    assert_eq!(world.faults[1].writes(), written, "it was there: nothing is written again");
    assert_eq!((world.objects(1).len(), missing_and_healed(&world).await), (1, (1, 1)));
}

#[tokio::test]
async fn f05_f06_a_flipped_bit_is_served_from_the_other_zone_healed_and_counted() {
    let mut world = world().await;
    // In the salt, in chunks far apart, in the trailer: of one part read whole, in the middle of a stream too.
    for (round, at) in [0, 40, 1_000_000, 3_000_000, 3_500_000].into_iter().enumerate() {
        let sealed = world.committed(3_400_000).await;
        let object = world.objects(0).into_iter().find(|path| std::fs::read(path).unwrap() == sealed.parts[0]).unwrap();
        let at = at.min(sealed.parts[0].len() - 1);
        flip(&object, at);
        let part = world.get_part(&world.member, sealed.id(), 0).await;
        assert_eq!((part.status.as_u16(), part.bytes == sealed.parts[0]), (200, true), "flipped at {at}");
        assert_eq!(world.app.metrics.damaged_in("zone-a", "rot"), round as u64 + 1, "counted once");
        world.get_part(&world.member, sealed.id(), 0).await;
        assert_eq!(world.app.metrics.damaged_in("zone-a", "rot"), round as u64 + 1, "and not again");
        world.repair().await;
        assert_eq!(world.app.metrics.healed_in("zone-a"), round as u64 + 1);
        assert!(!object.exists(), "the rotten object is gone");
        assert_eq!((world.objects(0).len(), world.objects(1).len()), (round + 1, round + 1));
        world.faults[1].set(Fault::Down); // now zone a alone has to do
        assert_eq!(world.get_part(&world.member, sealed.id(), 0).await.bytes, sealed.parts[0]);
        world.faults[1].set(Fault::None);
    }
    assert_eq!(missing_and_healed(&world).await, (5, 5));
}

#[tokio::test]
async fn f06_a_torn_object_never_reads_as_a_short_part() {
    let mut world = world().await;
    let sealed = world.committed(40_000).await;
    for cut in (0..sealed.parts[0].len()).step_by(4_096) {
        let object = world.objects(0).pop().unwrap();
        std::fs::write(&object, &sealed.parts[0][..cut]).unwrap();
        let part = world.get_part(&world.member, sealed.id(), 0).await;
        assert!(part.bytes == sealed.parts[0], "cut at {cut}: {} bytes, {}", part.bytes.len(), part.status);
        world.repair().await;
        assert!(std::fs::read(world.objects(0).pop().unwrap()).unwrap() == sealed.parts[0], "cut at {cut} is healed");
    }
    let longer = [sealed.parts[0].as_slice(), b"more"].concat();
    std::fs::write(world.objects(0).pop().unwrap(), longer).unwrap();
    assert!(world.get_part(&world.member, sealed.id(), 0).await.bytes == sealed.parts[0]);
    std::fs::remove_file(world.objects(0).pop().unwrap()).unwrap();
    assert!(world.get_part(&world.member, sealed.id(), 0).await.bytes == sealed.parts[0]);
    assert_eq!(world.app.metrics.damaged_in("zone-a", "lost"), 1);
    world.repair().await;
    assert_eq!(world.objects(0).len(), 1);
}

#[tokio::test]
async fn f07_damaged_in_both_zones_is_an_error_and_nothing_is_healed_falsely() {
    let mut world = world().await;
    let sealed = world.committed(2_000_000).await;
    for zone in [0, 1] {
        flip(&world.objects(zone)[0], 500_000);
    }
    let whole = world.get_part(&world.member, sealed.id(), 0).await;
    assert_eq!((whole.status.as_u16(), whole.code()), (503, "damaged"));
    world.repair().await;
    assert_eq!(world.app.metrics.healed_in("zone-a") + world.app.metrics.healed_in("zone-b"), 0);
    let waiting = || ["zone-a", "zone-b"].map(|zone| world.app.metrics.to_repair_in(zone));
    assert_eq!(waiting(), [1, 1], "somebody has to look at these");
    assert_eq!(world.get_part(&world.member, sealed.id(), 0).await.code(), "damaged");
    // One of them comes back from a backup: it is recognised, and heals the other.
    std::fs::write(&world.objects(1)[0], &sealed.parts[0]).unwrap();
    world.repair().await;
    assert_eq!(world.get_part(&world.member, sealed.id(), 0).await.bytes, sealed.parts[0]);
    assert_eq!(std::fs::read(world.objects(0).pop().unwrap()).unwrap(), sealed.parts[0]);
    assert_eq!(waiting(), [0, 0]);
}

#[tokio::test]
async fn f07_damage_in_the_middle_breaks_the_answer_off() {
    let mut world = world().await;
    let sealed = world.committed(6_000_000).await;
    for zone in [0, 1] {
        flip(&world.objects(zone)[0], 4_000_000);
    }
    let part = world.get_part(&world.member, sealed.id(), 0).await;
    assert_eq!(part.headers["content-length"], sealed.parts[0].len().to_string());
    assert!(part.bytes.is_empty(), "the body ended with an error, not after fewer bytes with success");
}

#[tokio::test]
async fn the_scrubber_finds_what_nobody_reads() {
    let mut world = world().await;
    for _ in 0..3 {
        world.committed(20_000).await;
    }
    flip(&world.objects(0)[1], 1_000);
    std::fs::remove_file(&world.objects(1)[2]).unwrap();
    scrub::run_once(&world.app).await.unwrap();
    assert_eq!(world.app.metrics.scrubbed_bytes.get(), 0, "not due yet");
    world.clock.advance_ms(31 * 24 * HOUR);
    for _ in 0..3 {
        scrub::run_once(&world.app).await.unwrap();
    }
    assert_eq!((world.app.metrics.damaged_in("zone-a", "rot"), world.app.metrics.damaged_in("zone-b", "lost")), (1, 1));
    let compared = world.app.metrics.scrubbed_bytes.get();
    assert!((120_000..140_000).contains(&compared), "each copy once: {compared}");
    world.repair().await;
    assert_eq!((world.objects(0).len(), world.objects(1).len()), (3, 3));
    assert_eq!(missing_and_healed(&world).await, (2, 2));
}

/// "Compared in two years" is no reason not to compare now.
#[tokio::test]
async fn f15_what_was_written_under_a_clock_ahead_is_scrubbed_when_it_is_right() {
    let mut world = world().await;
    world.clock.jump_wall_ms(800 * 24 * HOUR);
    world.committed(20_000).await;
    world.clock.jump_wall_ms(-800 * 24 * HOUR);
    flip(&world.objects(0)[0], 1_000);
    world.clock.advance_ms(31 * 24 * HOUR);
    scrub::run_once(&world.app).await.unwrap();
    assert_eq!(world.app.metrics.damaged_in("zone-a", "rot"), 1);
}

#[tokio::test]
async fn f09_a_slow_zone_costs_a_deadline_and_then_nothing() {
    let mut world = world().await;
    let sealed = world.recording(10_000);
    world.open(&world.sender, &sealed).await;
    world.faults[1].set(Fault::Slow { ms: 60_000 });
    for n in 1..=3 {
        let sealed = world.recording(10_000);
        world.open(&world.sender, &sealed).await;
        let pass = async {
            while world.faults[0].ended_writes() < n {
                tokio::task::yield_now().await;
            }
            world.clock.advance_ms(siegel_platform::zones::DEADLINE_MS);
        };
        let (answer, ()) = futures::join!(world.put(&world.sender, &sealed, 0), pass);
        let ack: PartAck = answer.into();
        assert_eq!(ack.zones, ["zone-a"]);
    }
    // Cut off: the next one does not wait at all (the clock stands still).
    let ack: PartAck = world.put(&world.sender, &sealed, 0).await.into();
    assert_eq!(ack.zones, ["zone-a"]);
}

#[tokio::test]
async fn f07_repair_brings_nothing_back_that_is_erased_meanwhile() {
    let mut world = world().await;
    world.faults[1].set(Fault::Down);
    let sealed = world.uploaded(10_000).await;
    world.commit(&world.sender, &sealed).await;
    world.faults[1].set(Fault::Hold); // the copy is on its way while the record is erased
    let begun = world.faults[1].writes();
    let reached = async |writes| {
        while world.faults[1].writes() < begun + writes {
            tokio::task::yield_now().await;
        }
    };
    let repair = repair::run_once(&world.app);
    let erase = async {
        reached(1).await;
        world.erase(sealed.id()).await.unwrap()
    };
    let release = async {
        reached(2).await; // the copy, and the tombstone
        assert_eq!(world.count("SELECT count(*) FROM records WHERE state = 'erasing'").await, 1);
        world.faults[1].set(Fault::None);
    };
    let (repaired, erased, ()) = futures::join!(repair, erase, release);
    repaired.unwrap();
    assert!(erased.done);
    assert_eq!(world.objects(0).len() + world.objects(1).len(), 0, "a copy came back");
    assert_eq!((world.tombstones(0).len(), world.tombstones(1).len()), (1, 1));
}

/// More than a run of the worker takes can't be written to one zone; what is rotten in the other does not wait for it.
#[tokio::test]
async fn what_one_zone_does_not_take_holds_nothing_up_in_the_other() {
    let mut world = world().await;
    let rotten = world.committed(1_000).await;
    flip(&world.objects(0)[0], 100);
    world.faults[1].set(Fault::Full);
    let sealed = world.recording(1_000);
    world.open(&world.sender, &sealed).await;
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 200);
    // As if it had been going on for a while: a hundred more, all of them older than the rotten one.
    world
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
                   INSERT INTO copies (zone, object, record, part, wanted, actual, checked_ms)
                   SELECT zone, object || i, record, part, wanted, actual, 0 FROM copies, n WHERE actual = 'lost'",
        )
        .await;
    assert_eq!(world.get_part(&world.member, rotten.id(), 0).await.status, 200);
    world.clock.advance_ms(10_000);
    repair::run_once(&world.app).await.unwrap();
    assert_eq!(world.app.metrics.healed_in("zone-a"), 1);
}

#[tokio::test]
async fn a_copy_that_fails_holds_nothing_up_behind_it() {
    let mut world = world().await;
    world.faults[1].set(Fault::Down);
    let first = world.uploaded(1_000).await;
    world.uploaded(1_000).await;
    world.faults[1].set(Fault::None);
    world.clock.advance_ms(10_000);
    let sql = format!(
        "CREATE TRIGGER fails BEFORE UPDATE OF wanted ON copies WHEN old.record = '{}'
         BEGIN SELECT RAISE(ABORT, 'no'); END",
        first.id()
    );
    world.execute(sql.leak()).await;
    repair::repair_tenant(&world.app, world.ours).await.unwrap();
    assert_eq!(world.app.metrics.healed_in("zone-b"), 1, "the other one is whole");
    world.execute("DROP TRIGGER fails").await;
    world.repair().await;
    assert_eq!(world.app.metrics.healed_in("zone-b"), 2);
}

#[tokio::test]
async fn a_zone_that_is_away_is_no_reason_not_to_scrub_the_other() {
    let mut world = world().await;
    world.committed(20_000).await;
    for _ in 0..64 {
        world.committed(100).await;
    }
    world.execute("UPDATE copies SET checked_ms = checked_ms - 1000 WHERE zone = 'zone-b'").await;
    world.clock.advance_ms(31 * 24 * HOUR);
    world.faults[1].set(Fault::Down);
    flip(&world.objects(0)[0], 50);
    for _ in 0..2 {
        scrub::run_once(&world.app).await.unwrap();
    }
    assert_eq!(world.app.metrics.damaged_in("zone-a", "rot"), 1);
}

#[tokio::test]
async fn a_tenant_that_could_not_be_scrubbed_is_tried_in_the_next_run() {
    let config = siegel_upload::UploadConfig { budget_wait_ms: 0, ..Default::default() };
    let mut world = world_with(config).await;
    world.committed(20_000).await;
    world.clock.advance_ms(31 * 24 * HOUR);
    let everything = world.app.budget.take(64 * 1024 * 1024, 0).await.unwrap();
    scrub::run_once(&world.app).await.unwrap();
    assert_eq!(world.app.metrics.scrubbed_bytes.get(), 0);
    drop(everything);
    scrub::run_once(&world.app).await.unwrap();
    assert!(world.app.metrics.scrubbed_bytes.get() > 40_000);
}
