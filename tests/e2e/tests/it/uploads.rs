//! Uploads that go on: C03.

use std::time::Duration;

use axum::http::StatusCode;
use siegel_api::members::ReturnReport;
use siegel_api::records::UploadStatus;
use siegel_client::Meter;
use siegel_e2e::{World, WorldOptions};

use crate::support::{bytes, content, file};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn c03_an_interrupted_upload_resumes_where_it_was() {
    let world = World::with(WorldOptions::alone()).await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let plain = bytes(3, 40 * MIB + 12_345);
    let path = file(&world, "long.edf", &plain);
    // The program ends in the middle: its future is dropped once two parts have left.
    let meter = Meter::default();
    let (session, begun) = (sender.session.clone(), meter.clone());
    let running = tokio::spawn(async move { session.upload(&path).meter(begun).send().await.map(|sent| sent.record) });
    while meter.bytes() < 20 * MIB as u64 && !running.is_finished() {
        siegel_e2e::moment(Duration::from_millis(5)).await;
    }
    running.abort();
    let ended = running.await;
    assert!(ended.as_ref().is_err_and(|error| error.is_cancelled()), "it was still under way: {ended:?}");
    // The server is restarted meanwhile, too.
    let world = world.restart(WorldOptions::alone()).await.unwrap();
    let again = Meter::default();
    let sent = sender.session.upload(world.outside("long.edf")).meter(again.clone()).send().await.unwrap();
    assert!(sent.resumed_bytes >= 8 * MIB as u64, "resumed {} bytes", sent.resumed_bytes);
    assert!(sent.resumed_bytes < plain.len() as u64 && again.bytes() >= plain.len() as u64, "the rest was sent now");
    let arrived = content(&centre.owner.session, sent.record, &world.outside("arrived.edf")).await.unwrap();
    assert!(arrived == plain, "what arrived is what was sent");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_meanwhile_becomes_a_new_record() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let path = file(&world, "long.edf", &bytes(5, 30 * MIB));
    let meter = Meter::default();
    let (session, begun, sending) = (sender.session.clone(), meter.clone(), path.clone());
    let running =
        tokio::spawn(async move { session.upload(&sending).meter(begun).send().await.map(|sent| sent.record) });
    while meter.bytes() < 10 * MIB as u64 && !running.is_finished() {
        siegel_e2e::moment(Duration::from_millis(5)).await;
    }
    running.abort();
    let _ = running.await;
    let changed = bytes(6, 30 * MIB);
    std::fs::write(&path, &changed).unwrap();
    let sent = sender.session.upload(&path).send().await.unwrap();
    assert_eq!(sent.resumed_bytes, 0);
    assert!(content(&centre.owner.session, sent.record, &world.outside("arrived")).await.unwrap() == changed);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_sends_many_small_records_at_once() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..24 {
        let session = sender.session.clone();
        sending.spawn(async move {
            let plain = bytes(number, 4096);
            let sent = session.upload_bytes(plain.clone(), "small.bin").return_report(true).send().await.unwrap();
            (sent.record, plain)
        });
    }
    for (record, plain) in sending.join_all().await {
        let arrived = content(&centre.owner.session, record, &world.outside("arrived")).await.unwrap();
        assert!(arrived == plain, "each record holds its own bytes");
    }
    world.stop().await.unwrap();
}

/// The line breaks while parts are on their way. They arrive, but only after the client, going on, has asked what did: it
/// seals them anew and is told that they are there, with other bytes. They are its own, and count.
#[tokio::test(flavor = "multi_thread")]
async fn c03_a_part_that_arrived_after_all_is_taken_up() {
    let (world, liar) = World::behind_a_liar().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let plain = bytes(9, 20_000_000);
    let path = file(&world, "ekg.edf", &plain);
    liar.lie("PUT /v1/records/*/parts/*", |_, answer| answer.status = StatusCode::FORBIDDEN);
    sender.session.upload(path.clone()).send().await.expect_err("no part is answered");
    liar.repent();
    let mut asked = 0;
    liar.lie("POST /v1/records", move |_, answer| {
        asked += 1;
        if asked == 1 {
            answer.change::<UploadStatus>(|status| status.parts.clear());
        }
    });
    let sent = sender.session.upload(path).send().await.unwrap();
    let conflicts = liar.asked("PUT /v1/records/*/parts/*").len();
    assert!(conflicts > 1, "{conflicts} parts were sent: nothing was in the way");
    assert!(content(&centre.owner.session, sent.record, &world.outside("arrived")).await.unwrap() == plain);
    world.stop().await.unwrap();
}
