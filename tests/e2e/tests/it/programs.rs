//! The platform as six programs behind one host: what people do works as with `siegel-server`, and one program's absence
//! is no more than that.

use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_api::retention::{EraseTarget, ErasureState};
use siegel_client::Session;
use siegel_domain::{Party, RecordKind};
use siegel_e2e::{NAMES, World};
use siegel_platform::Problem;
use siegel_platform::clock::SystemClock;
use siegel_platform::host::Beside;
use siegel_platform::peer::{RemoteOptions, inside};
use siegel_platform::tls::InsideTls;
use siegel_proto::upload::v1::GetRecordPartiesRequest;
use siegel_proto::upload::v1::upload_service_client::UploadServiceClient;

use crate::support::{bytes, code, content};

async fn start() -> World {
    World::of_programs("").await.unwrap()
}

/// The owner of a centre, and a sender of it.
async fn people(world: &World) -> (Session, Session) {
    let centre = world.centre("herzzentrum").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    (centre.owner.session, sender.session)
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_six_programs_behind_a_front_are_one_host_for_the_whole_story() {
    let world = start().await;
    let (owner, sender) = people(&world).await;
    let mut events = owner.events(None);
    events.listen().await.unwrap();
    let recording = bytes(7, 9_000_000);
    let path = world.outside("ecg.edf");
    std::fs::write(&path, &recording).unwrap();
    let sent = sender.upload(&path).note("24 h").send().await.unwrap();
    // Upload's event crosses into another process, and from there to the centre.
    let told = async {
        loop {
            let event = events.next().await.unwrap();
            if event.kind == "siegel.record.committed.v1" {
                break event.subject;
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    assert_eq!(told, sent.record.to_string());
    assert_eq!(content(&owner, sent.record, &world.outside("opened.edf")).await.unwrap(), recording);
    let Party::Sender(id) = sender.party().unwrap() else { panic!("a sender") };
    let report = owner.upload_bytes(b"Sinusrhythmus".to_vec(), "report.txt").kind(RecordKind::Report);
    let report = report.answers(sent.record).to(id).send().await.unwrap();
    assert_eq!(content(&sender, report.record, &world.outside("report.txt")).await.unwrap(), b"Sinusrhythmus");
    // Retention asks upload; the receipt names what both saw.
    let erasure = owner.erase(EraseTarget::Record(sent.record)).await.unwrap();
    let done = owner.await_erasure(erasure, Duration::from_secs(30)).await.unwrap();
    assert_eq!((done.state, done.records_erased, done.receipts.len()), (ErasureState::Done, 1, 1));
    assert_eq!(code(owner.open_record(sent.record).await), "gone");
    assert!(world.hits(b"Sinusrhythmus").await.unwrap().is_empty());
    for name in NAMES {
        let log = world.programs().log(name);
        assert!(!log.contains("ERROR") && !log.contains(" failed"), "{name}:\n{log}");
    }
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_stops_finishes_what_runs_and_is_found_again() {
    let mut world = start().await;
    let (owner, sender) = people(&world).await;
    let recording = bytes(8, 60_000_000);
    let path = world.outside("long.edf");
    std::fs::write(&path, &recording).unwrap();
    let sending = tokio::spawn(async move { sender.upload(&path).send().await });
    // In the middle of the parts.
    while world.programs().answered("upload", "PUT").await.unwrap() < 3.0 {
        assert!(!sending.is_finished(), "it ended before it was in the middle");
        tokio::task::yield_now().await;
    }
    world.programs().terminate("upload").unwrap();
    let status = world.programs_mut().ended("upload").await.unwrap();
    assert!(status.success(), "{status}:\n{}", world.programs().log("upload"));
    assert!(!world.programs().log("upload").contains("cutting"), "{}", world.programs().log("upload"));
    world.programs_mut().start_again("upload").await.unwrap();
    // The client met 503s, waited and went on where it was.
    let sent = sending.await.unwrap().unwrap();
    assert_eq!(content(&owner, sent.record, &world.outside("opened")).await.unwrap(), recording);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_peer_is_away_says_when_to_come_back_and_recovers() {
    let mut world = start().await;
    let (owner, sender) = people(&world).await;
    for name in ["key-directory", "upload"] {
        world.programs().terminate(name).unwrap();
        assert!(world.programs_mut().ended(name).await.unwrap().success());
    }
    world.programs_mut().start_again("upload").await.unwrap();
    let pem = std::fs::read(world.state().join("ca").join("ca.pem")).unwrap();
    let ca = reqwest::Certificate::from_pem(&pem).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    let url = format!("{}/v1/records", world.programs().own_url("upload"));
    let ask = async || client.get(&url).header("authorization", "DPoP nobody").send().await.unwrap();
    let away = ask().await;
    assert_eq!((away.status().as_u16(), away.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    world.programs_mut().start_again("key-directory").await.unwrap();
    let back = async {
        while ask().await.status().as_u16() != 401 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), back).await.unwrap();
    let sent = sender.upload_bytes(b"after the break".to_vec(), "ecg.edf").send().await.unwrap();
    assert_eq!(content(&owner, sent.record, &world.outside("opened")).await.unwrap(), b"after the break");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_retention_may_call_upload() {
    let world = start().await;
    let key_file = world.state().join("secrets.key");
    let secrets = Beside::open(&world.state(), &key_file, world.programs().parts()).await.unwrap().secrets;
    let address = world.programs().internal("upload").to_string();
    let ask = async |caller: &str| {
        let tls = InsideTls::open(caller, secrets.clone(), SystemClock::shared()).await.unwrap();
        let peer = inside("upload", &address, std::sync::Arc::new(tls), RemoteOptions::default()).unwrap();
        let request = GetRecordPartiesRequest { tenant: "x".to_owned(), record: "x".to_owned() };
        let answer = UploadServiceClient::new(peer).get_record_parties(request).await;
        Problem::from(answer.unwrap_err()).reason().code()
    };
    assert_eq!(ask("retention").await, "invalid-request", "it got as far as the method");
    assert_eq!(ask("notification").await, "forbidden");
    world.stop().await.unwrap();
}
