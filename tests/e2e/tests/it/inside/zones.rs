//! A zone that is lost (R08): here zones are directories whose faults a test sets. On real stores a line is cut instead.

use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_api::tenants::Durability;
use siegel_client::RecordQuery;
use siegel_e2e::{World, WorldOptions};
use siegel_platform::zones::faults::{Fault, Faults, FaultyZone};
use siegel_platform::zones::{LocalZone, NAMES, Zone, Zones};

use crate::support::{bytes, content, file};

/// Zones whose faults a test sets.
fn faulty() -> (Faults, Faults, WorldOptions) {
    let (a, b) = (Faults::new(), Faults::new());
    let faults = [a.clone(), b.clone()];
    let options = WorldOptions {
        zones: Some(Box::new(move |config, bucket_secret, clock, metrics| {
            let [a, b] = [0, 1].map(|at| -> anyhow::Result<Zone> {
                let root = config.state_dir.join("zones").join(["a", "b"][at]);
                std::fs::create_dir_all(&root)?;
                LocalZone::make(&root, NAMES[at])?;
                let local = LocalZone::open(NAMES[at], &root)?;
                let zone = FaultyZone::wrap(local.clone(), local, faults[at].clone(), clock.clone());
                Ok(Zone::new(NAMES[at], &config.jurisdiction, zone.clone(), zone, clock.clone(), metrics.clone()))
            });
            Ok(Zones::new(a?, b?, bucket_secret))
        })),
        ..WorldOptions::default()
    };
    (a, b, options)
}

#[tokio::test(flavor = "multi_thread")]
async fn r08_a_lost_zone_costs_nothing_on_embedded_zones() {
    let (a, b, options) = faulty();
    let world = World::with(options).await.unwrap();
    let dealer = world.dealer().await.unwrap();
    let centre = world.centre_with(&dealer, "available", Durability::Available).await.unwrap();
    let strict = world.centre_with(&dealer, "strict", Durability::Strict).await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let careful = world.sender(&strict, ReturnReport::Always).await.unwrap();
    let plain = bytes(8, 9_000_000);
    let path = file(&world, "ecg.edf", &plain);
    let before = sender.session.upload(&path).send().await.unwrap();
    b.set(Fault::Down);
    // Uploads go on and say so; the careful tenant's are refused, with a word on when to come back.
    let during = sender.session.upload_bytes(b"while zone b was away".to_vec(), "a.txt").send().await.unwrap();
    assert!(during.degraded);
    let refused = tokio::time::timeout(
        Duration::from_secs(3),
        careful.session.upload_bytes(b"both or none".to_vec(), "a.txt").send(),
    );
    assert!(
        refused.await.is_err(),
        "a strict tenant's client keeps trying for its bridge, and nothing is acknowledged"
    );
    assert!(
        careful
            .session
            .records(&RecordQuery { mailbox: Some("sent".into()), ..Default::default() })
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(content(&centre.owner.session, before.record, &world.outside("x")).await.unwrap() == plain);
    // It comes back and is healed; then the other one may go.
    b.set(Fault::None);
    for _ in 0..600 {
        world.work("upload.repair").await.unwrap();
        if world.objects("b").len() >= world.objects("a").len() {
            break;
        }
        siegel_e2e::moment(Duration::from_millis(50)).await;
    }
    a.set(Fault::Down);
    assert_eq!(
        content(&centre.owner.session, during.record, &world.outside("y")).await.unwrap(),
        b"while zone b was away"
    );
    a.set(Fault::None);
    world.stop().await.unwrap();
}
