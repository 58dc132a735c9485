//! What is heard, by whom, and that nothing is missed or told twice.

use siegel_domain::{DealerId, Principal, Role, TenantId};
use siegel_notification::NotificationConfig;
use siegel_platform::rng::{Rng, SeededRng};
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{Audit, EpochChanged, RecordCommitted, UploadSwept};

use crate::world::{World, as_sender, caller, member, sender, world, world_with};

fn committed(from: u8, to: u8) -> Data {
    Data::RecordCommitted(RecordCommitted {
        record: "rec_1".into(),
        sender: sender(from).to_string(),
        recipients: vec![sender(to).to_string()],
        ..Default::default()
    })
}

async fn swept(world: &World, service: usize, tenant: TenantId, subject: &str) {
    world.tell(service, tenant, subject, Data::UploadSwept(UploadSwept { record: subject.into() })).await;
}

#[tokio::test]
async fn a_stream_begins_now_and_hears_what_comes() {
    let world = world().await;
    swept(&world, 1, world.ours, "before").await;
    let mut line = world.listen(member(world.ours), None).await;
    swept(&world, 1, world.ours, "after").await;
    let event = line.event().await;
    assert_eq!((event.subject.as_str(), event.kind.as_str()), ("after", "siegel.upload.swept.v1"));
    assert_eq!((event.specversion.as_str(), event.source.as_str()), ("1.0", "/siegel/test"));
    assert!(event.id.starts_with("evt_"));
}

#[tokio::test]
async fn a_line_that_breaks_anywhere_goes_on_with_nothing_missed_or_doubled() {
    for seed in 0..10 {
        let world = world().await;
        let rng: &dyn Rng = &SeededRng::new(seed);
        let mut line = world.listen(member(world.ours), None).await;
        let (mut told, mut heard) = (0, Vec::new());
        while heard.len() < 60 {
            for _ in 0..rng.below(8) {
                let service = usize::try_from(rng.below(4)).unwrap();
                swept(&world, service, world.ours, &format!("{service}/{told}")).await;
                swept(&world, service, world.other, "never").await;
                told += 1;
            }
            for _ in 0..rng.below(6).min(told - i64::try_from(heard.len()).unwrap()) {
                heard.push(line.event().await.subject);
            }
            if rng.below(3) == 0 {
                // The line breaks; whatever was on its way is lost with it.
                let last = line.last_id.clone();
                drop(line);
                line = world.listen(member(world.ours), last.as_deref()).await;
            }
        }
        let rest = usize::try_from(told).unwrap() - heard.len();
        heard.extend(line.subjects(rest).await);
        for service in 0..4 {
            let numbers = heard.iter().filter_map(|subject| subject.strip_prefix(&format!("{service}/")));
            let numbers: Vec<i64> = numbers.map(|number| number.parse().unwrap()).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "seed {seed}: out of order or doubled: {numbers:?}");
        }
        assert_eq!(heard.len(), usize::try_from(told).unwrap(), "seed {seed}");
    }
}

#[tokio::test]
async fn a_sender_hears_of_its_own_and_the_position_moves_past_the_rest() {
    let world = world().await;
    let mut line = world.listen(as_sender(world.ours, 5), None).await;
    world.tell(1, world.ours, "rec_foreign", committed(6, 7)).await;
    world.tell(0, world.ours, "epoch", Data::EpochChanged(EpochChanged { number: 2 })).await;
    world.tell(1, world.ours, "rec_sent", committed(5, 7)).await;
    world.tell(1, world.ours, "rec_granted", committed(6, 5)).await;
    assert_eq!(line.subjects(2).await, ["rec_sent", "rec_granted"]);

    for n in 0..120 {
        world.tell(1, world.ours, &format!("rec_{n}"), committed(6, 7)).await;
    }
    let before = line.last_id.clone();
    assert_eq!(world.until(line.block()).await, Some(None), "a comment");
    let after = line.last_id.clone();
    assert_ne!(after, before, "what is not for this listener is not read again after a break");
}

#[tokio::test]
async fn tenants_hear_nothing_of_each_other() {
    let world = world().await;
    let mut line = world.listen(member(world.ours), None).await;
    swept(&world, 1, world.other, "foreign").await;
    world.tell(1, world.ours, "audit", Data::Audit(Audit::default())).await;
    swept(&world, 1, world.ours, "own").await;
    assert_eq!(line.event().await.subject, "own", "and the audit trail is not streamed");
    let mut elsewhere = world.listen(member(world.other), line.last_id.as_deref()).await;
    swept(&world, 1, world.other, "theirs").await;
    let heard = elsewhere.event().await;
    assert!(["foreign", "theirs"].contains(&heard.subject.as_str()), "a foreign position shows only one's own");
}

#[tokio::test]
async fn types_are_chosen_by_name() {
    let world = world().await;
    let query = "?types=siegel.record.committed.v1,siegel.epoch.changed.v1";
    let mut line = world.listen_to(member(world.ours), query, None).await;
    swept(&world, 1, world.ours, "no").await;
    world.tell(1, world.ours, "yes", committed(5, 6)).await;
    world.tell(0, world.ours, "too", Data::EpochChanged(EpochChanged { number: 2 })).await;
    let mut heard = line.subjects(2).await;
    heard.sort_unstable();
    assert_eq!(heard, ["too", "yes"]);
    for bad in ["?types=siegel.record.comitted.v1", "?types=", "?type=x"] {
        assert_eq!(world.refused(member(world.ours), bad, None).await, (400, "invalid-request".into()), "{bad}");
    }
}

#[tokio::test]
async fn the_stream_ends_with_its_session_and_with_the_process() {
    let world = world().await;
    let mut line = world.listen(member(world.ours), None).await;
    swept(&world, 1, world.ours, "heard").await;
    assert_eq!(line.event().await.subject, "heard");
    world.directory.ended.lock().unwrap().insert(member(world.ours).session.to_string());
    assert_eq!(world.until(line.block()).await, None);
    drop(line);
    assert_eq!(world.app.hub.open(), 0, "its place is given back");

    world.directory.ended.lock().unwrap().clear();
    let mut line = world.listen(member(world.ours), None).await;
    world.app.ctx.shutdown.begin();
    assert_eq!(line.block().await, None);
}

#[tokio::test]
async fn a_comment_keeps_the_line_open() {
    let world = world().await;
    let mut line = world.listen(member(world.ours), None).await;
    assert_eq!(world.until(line.block()).await, Some(None));
    assert!(line.last_id.is_some());
}

#[tokio::test]
async fn places_are_bounded_and_given_back() {
    let config = NotificationConfig { streams: 4, streams_per_tenant: 3, streams_per_principal: 2 };
    let world = world_with(config).await;
    let _one = world.listen(member(world.ours), None).await;
    let two = world.listen(member(world.ours), None).await;
    assert_eq!(world.refused(member(world.ours), "", None).await, (429, "rate-limited".into()));
    let _three = world.listen(as_sender(world.ours, 5), None).await;
    assert_eq!(world.refused(as_sender(world.ours, 6), "", None).await, (429, "rate-limited".into()));
    let _four = world.listen(as_sender(world.other, 9), None).await;
    assert_eq!(world.refused(as_sender(world.other, 5), "", None).await, (503, "over-capacity".into()));
    drop(two);
    world.listen(member(world.ours), None).await;
}

#[tokio::test]
async fn strange_positions_and_strangers_are_refused() {
    let world = world().await;
    for bad in ["%00", "0", "dTEyMw!", &"A".repeat(300)] {
        assert_eq!(world.refused(member(world.ours), "", Some(bad)).await, (400, "invalid-request".into()), "{bad}");
    }
    let dealer = caller(Principal::Dealer(DealerId::from_bytes([1; 16])), None, Role::Dealer);
    assert_eq!(world.refused(dealer, "", None).await, (403, "forbidden".into()));
    let nowhere = member(TenantId::from_bytes([9; 16]));
    assert_eq!(world.refused(nowhere, "", None).await, (404, "not-found".into()));
    // Beyond the end, as after a restore: brought back to it.
    let beyond = siegel_notification::position::Position::from_text("azk5LnU5OQ").unwrap();
    assert_eq!((beyond.of('k'), beyond.of('u')), (99, 99));
    let mut line = world.listen(member(world.ours), Some("azk5LnU5OQ")).await;
    swept(&world, 1, world.ours, "heard").await;
    assert_eq!(line.event().await.subject, "heard");
}
