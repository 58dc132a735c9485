//! Faults on the whole platform: lost zones, rot, kill -9.

use std::path::Path;
use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_api::tenants::Durability;
use siegel_client::{Enrolment, RecordQuery, SignIn};
use siegel_domain::Principal;
use siegel_e2e::{ChildServer, PASSWORD, World, WorldOptions};
use siegel_platform::host::PartsChoice;
use siegel_platform::zones::faults::{Fault, Faults, FaultyZone};
use siegel_platform::zones::{LocalZone, NAMES, Zone, Zones};

use crate::support::{bytes, code, content, file};

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
        world.work("upload.repair").await.unwrap();
        if std::fs::read(object("a")).is_ok_and(|healed| healed == good) {
            break;
        }
        siegel_e2e::moment(Duration::from_millis(50)).await; // the worker may be at it by itself
    }
    assert!(std::fs::read(object("a")).unwrap() == good, "the rotten copy was healed from the good one");
    assert!(world.ctx().metrics.render().contains("rot"), "and counted");
    // In both: a clear error, and no file with half of it.
    flip(&object("a"));
    flip(&object("b"));
    let target = world.outside("never");
    assert!(content(&centre.owner.session, sent.record, &target).await.is_err());
    assert!(!target.exists());
    world.stop().await.unwrap();
}

/// 50 uploads with `kill -9` at random moments: what was acknowledged is there, the rest is gone or goes on, nothing half.
#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_at_random_moments_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let mut server = ChildServer::start(Path::new(env!("CARGO_BIN_EXE_platform")), &state).await.unwrap();
    let people = people(&server, &state, dir.path()).await;
    let (owner, sender) = (&people.0, &people.1);
    let mut acknowledged = Vec::new();
    for round in 0..50_u64 {
        let size = if round % 5 == 0 { 17_000_000 } else { 200_000 + (round as usize * 7_919) % 900_000 };
        let plain = bytes(round + 100, size);
        let path = dir.path().join(format!("r{round}"));
        std::fs::write(&path, &plain).unwrap();
        let (session, sending) = (sender.clone(), path.clone());
        let upload = tokio::spawn(async move { session.upload(&sending).send().await });
        // Anywhere between the first byte and after the end, the same for the same round.
        let pause = Duration::from_micros((round * 2_654_435_761) % 120_000);
        siegel_e2e::moment(pause).await;
        server.kill_and_restart().await.unwrap();
        // The client bridges the gap: the user sees a pause, not an error.
        let sent = upload.await.unwrap().unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        acknowledged.push((sent.record, path));
    }
    assert_eq!(acknowledged.len(), 50);
    for (record, path) in &acknowledged {
        let arrived = content(owner, *record, &dir.path().join("arrived")).await.unwrap();
        assert!(arrived == std::fs::read(path).unwrap(), "{record} is what was sent");
    }
    let mut listed = 0;
    let mut page = RecordQuery { page_size: Some(200), ..RecordQuery::default() };
    loop {
        let answer = owner.records(&page).await.unwrap();
        listed += answer.items.len();
        match answer.next_page_token {
            Some(token) => page.page_token = Some(token),
            None => break,
        }
    }
    assert_eq!(listed, 50, "nothing twice, nothing half");
}

async fn people(server: &ChildServer, state: &Path, dir: &Path) -> (siegel_client::Session, siegel_client::Session) {
    let code = siegel_e2e::add_dealer_beside(&server.url(), state, &PartsChoice::Embedded).await.unwrap();
    let profile = |name: &str| siegel_client::profile::ProfileDir::at(dir.join(name));
    Enrolment::begin(&code, None, None).await.unwrap().dealer(&profile("dealer")).await.unwrap();
    let dealer = SignIn::at(profile("dealer")).machine().unwrap();
    let new = siegel_client::NewTenant {
        handle: "herz".into(),
        display_name: "Herz".into(),
        comment: String::new(),
        jurisdiction: "EU".into(),
        durability: Durability::Available,
    };
    let (_, code) = dealer.create_tenant(new).await.unwrap();
    Enrolment::begin(&code, None, None)
        .await
        .unwrap()
        .owner(&profile("owner"), "inhaberin", &siegel_e2e::password())
        .await
        .unwrap();
    let owner = SignIn::at(profile("owner")).password(PASSWORD).await.unwrap();
    let invitation = owner.invite_sender("Wagen 7", ReturnReport::Always, None).await.unwrap();
    Enrolment::begin(&invitation.code, None, None).await.unwrap().sender(&profile("sender")).await.unwrap();
    let Principal::Sender(id) = invitation.principal else { panic!("a sender's code") };
    owner.confirm_sender(id).await.unwrap();
    (owner, SignIn::at(profile("sender")).machine().unwrap())
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
