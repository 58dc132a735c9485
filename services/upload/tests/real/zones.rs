//! What was acknowledged is there, whichever server was lost meanwhile.

use siegel_api::records::{CommitAnswer, PartAck};
use siegel_api::tenants::Durability;
use siegel_domain::limits::PART_PLAINTEXT_BYTES;
use siegel_platform::zones::NAMES;
use siegel_upload::UploadConfig;

use crate::people::Sealed;
use crate::world::{World, world_on_servers};

/// Every part of `sealed` is read as it was sent, and lies in both zones.
async fn whole(world: &World, sealed: &Sealed) {
    let held =
        [0, 1].map(|zone| world.objects(zone).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>());
    for (number, part) in sealed.parts.iter().enumerate() {
        assert_eq!(&world.get_part(&world.member, sealed.id(), number as u32).await.bytes, part);
        assert!(held.iter().all(|zone| zone.contains(part)), "part {number} is not in both zones");
    }
}

#[tokio::test]
async fn f01_f02_a_server_that_is_killed_costs_nothing_that_was_acknowledged() {
    let Some(mut world) = world_on_servers(UploadConfig::default()).await else { return };
    let mut ledger = Vec::new();
    for lost in [1, 0] {
        let sealed = world.recording(PART_PLAINTEXT_BYTES + 5_000);
        world.open(&world.sender, &sealed).await;
        let first: PartAck = world.put(&world.sender, &sealed, 0).await.into();
        assert_eq!(first.zones, NAMES);
        world.servers.as_mut().unwrap().zones[lost].kill();
        let second: PartAck = world.put(&world.sender, &sealed, 1).await.into();
        assert_eq!(second.zones, [NAMES[1 - lost]]);
        let answer: CommitAnswer = world.commit(&world.sender, &sealed).await.into();
        assert!(answer.degraded);
        for (number, part) in sealed.parts.iter().enumerate() {
            let read = world.get_part(&world.member, sealed.id(), number as u32).await;
            assert_eq!(&read.bytes, part, "reads go on");
        }

        world.servers.as_mut().unwrap().zones[lost].restart().await;
        world.clock.advance_ms(10_000);
        world.repair().await;
        ledger.push(sealed);
    }
    for sealed in &ledger {
        whole(&world, sealed).await;
    }
    assert_eq!(world.count("SELECT count(*) FROM copies WHERE wanted <> actual").await, 0);
    assert_eq!([world.objects(0).len(), world.objects(1).len()], [4, 4], "and nothing doubled");
}

#[tokio::test]
async fn f01_strict_refuses_while_a_server_is_away_and_leaves_nothing() {
    let Some(mut world) = world_on_servers(UploadConfig::default()).await else { return };
    world.set_durability(Durability::Strict).await;
    let sealed = world.recording(10_000);
    world.open(&world.sender, &sealed).await;
    world.servers.as_mut().unwrap().zones[1].kill();
    let answer = world.put(&world.sender, &sealed, 0).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "zone-unavailable"));
    assert!(world.objects(0).is_empty(), "what the other zone held is taken away");
    world.servers.as_mut().unwrap().zones[1].restart().await;
    world.clock.advance_ms(10_000);
    assert_eq!(world.put(&world.sender, &sealed, 0).await.status, 200);
    assert_eq!(world.commit(&world.sender, &sealed).await.status, 200);
    whole(&world, &sealed).await;
}

#[tokio::test]
async fn f06_what_rots_on_a_servers_disk_is_served_from_the_other_zone_and_healed() {
    let Some(mut world) = world_on_servers(UploadConfig::default()).await else { return };
    let sealed = world.committed(300_000).await;
    for at in [0, 150_000, sealed.parts[0].len() - 1] {
        let object = &world.objects(0)[0]; // where reading begins
        let mut rotten = std::fs::read(object).unwrap();
        rotten[at] ^= 1;
        std::fs::write(object, rotten).unwrap();
        assert_eq!(world.get_part(&world.member, sealed.id(), 0).await.bytes, sealed.parts[0], "flipped at {at}");
        world.repair().await;
        whole(&world, &sealed).await;
        assert_eq!([world.objects(0).len(), world.objects(1).len()], [1, 1]);
    }
    assert_eq!(world.app.metrics.healed_in(NAMES[0]), 3);
}
