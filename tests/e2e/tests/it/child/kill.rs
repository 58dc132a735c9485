//! `kill -9` of the whole platform, again and again.

use std::path::Path;
use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_client::RecordQuery;
use siegel_e2e::World;

use crate::support::{bytes, content, file};

/// 50 uploads with `kill -9` at random moments: what was acknowledged is there, the rest is gone or goes on, nothing half.
#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_at_random_moments_loses_nothing_that_was_acknowledged() {
    let mut world = World::of_a_child(Path::new(env!("CARGO_BIN_EXE_platform"))).await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let (owner, sender) = (&centre.owner.session, world.sender(&centre, ReturnReport::Always).await.unwrap().session);
    let mut acknowledged = Vec::new();
    for round in 0..50_u64 {
        let size = if round % 5 == 0 { 17_000_000 } else { 200_000 + (round as usize * 7_919) % 900_000 };
        let plain = bytes(round + 100, size);
        let path = file(&world, &format!("r{round}"), &plain);
        let (session, sending) = (sender.clone(), path.clone());
        let upload = tokio::spawn(async move { session.upload(&sending).send().await });
        // Anywhere between the first byte and after the end, the same for the same round.
        let pause = Duration::from_micros((round * 2_654_435_761) % 120_000);
        siegel_e2e::moment(pause).await;
        world.child().kill_and_restart().await.unwrap();
        // The client bridges the gap: the user sees a pause, not an error.
        let sent = upload.await.unwrap().unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        acknowledged.push((sent.record, path));
    }
    assert_eq!(acknowledged.len(), 50);
    for (record, path) in &acknowledged {
        let arrived = content(owner, *record, &world.outside("arrived")).await.unwrap();
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
