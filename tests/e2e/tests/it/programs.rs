//! The platform as six programs behind one host: what people do works as with `siegel-server`, and one program's absence
//! is no more than that.

use std::path::Path;
use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_api::retention::{EraseTarget, ErasureState};
use siegel_client::profile::ProfileDir;
use siegel_client::{Enrolment, NewTenant, Session, SignIn};
use siegel_domain::{Party, Principal, RecordKind};
use siegel_e2e::{NAMES, PASSWORD, Programs, add_dealer_beside, canary_hits, password};
use siegel_platform::Problem;
use siegel_platform::clock::SystemClock;
use siegel_platform::host::Beside;
use siegel_platform::peer::{RemoteOptions, inside};
use siegel_platform::tls::InsideTls;
use siegel_proto::upload::v1::GetRecordPartiesRequest;
use siegel_proto::upload::v1::upload_service_client::UploadServiceClient;

use crate::support::{bytes, code, content};

async fn start() -> Programs {
    let binaries = Path::new(env!("CARGO_BIN_EXE_platform")).parent().unwrap();
    Programs::start(binaries).await.unwrap()
}

/// A centre with its owner, and a sender of it.
pub(crate) struct People {
    pub(crate) owner: Session,
    pub(crate) sender: Session,
}

pub(crate) async fn people(programs: &Programs) -> People {
    let dir = |name: &str| ProfileDir::at(programs.outside(name));
    let code = add_dealer_beside(&programs.url(), &programs.state(), programs.parts()).await.unwrap();
    Enrolment::begin(&code, None, None).await.unwrap().dealer(&dir("dealer")).await.unwrap();
    let dealer = SignIn::at(dir("dealer")).machine().unwrap();
    let new = NewTenant {
        handle: "herzzentrum".to_owned(),
        display_name: "Herzzentrum".to_owned(),
        comment: "K-4711".to_owned(),
        jurisdiction: "EU".to_owned(),
        durability: Default::default(),
    };
    let (tenant, code) = dealer.create_tenant(new).await.unwrap();
    // The dealer API asked the operator and sees what it wrote; making databases and buckets takes its time on real parts.
    while dealer.tenant(tenant.id).await.unwrap().phase != "ready" {
        siegel_e2e::moment(Duration::from_millis(50)).await;
    }
    let enrolment = Enrolment::begin(&code, None, None).await.unwrap();
    enrolment.owner(&dir("owner"), "inhaberin", &password()).await.unwrap();
    let owner = SignIn::at(dir("owner")).password(PASSWORD).await.unwrap();
    let invitation = owner.invite_sender("Praxis Dr. Adler", ReturnReport::Always, None).await.unwrap();
    Enrolment::begin(&invitation.code, None, None).await.unwrap().sender(&dir("sender")).await.unwrap();
    let sender = SignIn::at(dir("sender")).machine().unwrap();
    let Principal::Sender(id) = invitation.principal else { panic!("a sender's code") };
    owner.confirm_sender(id).await.unwrap();
    People { owner, sender }
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_six_programs_behind_a_front_are_one_host_for_the_whole_story() {
    let programs = start().await;
    let People { owner, sender } = people(&programs).await;
    let mut events = owner.events(None);
    events.listen().await.unwrap();
    let recording = bytes(7, 9_000_000);
    let path = programs.outside("ecg.edf");
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
    assert_eq!(content(&owner, sent.record, &programs.outside("opened.edf")).await.unwrap(), recording);
    let Party::Sender(id) = sender.party().unwrap() else { panic!("a sender") };
    let report = owner.upload_bytes(b"Sinusrhythmus".to_vec(), "report.txt").kind(RecordKind::Report);
    let report = report.answers(sent.record).to(id).send().await.unwrap();
    assert_eq!(content(&sender, report.record, &programs.outside("report.txt")).await.unwrap(), b"Sinusrhythmus");
    // Retention asks upload; the receipt names what both saw.
    let erasure = owner.erase(EraseTarget::Record(sent.record)).await.unwrap();
    let done = owner.await_erasure(erasure, Duration::from_secs(30)).await.unwrap();
    assert_eq!((done.state, done.records_erased, done.receipts.len()), (ErasureState::Done, 1, 1));
    assert_eq!(code(owner.open_record(sent.record).await), "gone");
    assert!(canary_hits(&programs.state(), b"Sinusrhythmus").is_empty());
    for name in NAMES {
        assert!(!programs.log(name).contains("ERROR"), "{name}:\n{}", programs.log(name));
    }
    programs.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_stops_finishes_what_runs_and_is_found_again() {
    let mut programs = start().await;
    let People { owner, sender } = people(&programs).await;
    let recording = bytes(8, 60_000_000);
    let path = programs.outside("long.edf");
    std::fs::write(&path, &recording).unwrap();
    let sending = tokio::spawn(async move { sender.upload(&path).send().await });
    // In the middle of the parts.
    while programs.answered("upload", "PUT").await.unwrap() < 3 {
        assert!(!sending.is_finished(), "it ended before it was in the middle");
        tokio::task::yield_now().await;
    }
    programs.terminate("upload").unwrap();
    let status = programs.ended("upload").await.unwrap();
    assert!(status.success(), "{status}:\n{}", programs.log("upload"));
    assert!(!programs.log("upload").contains("cutting"), "{}", programs.log("upload"));
    programs.start_again("upload").await.unwrap();
    // The client met 503s, waited and went on where it was.
    let sent = sending.await.unwrap().unwrap();
    assert_eq!(content(&owner, sent.record, &programs.outside("opened")).await.unwrap(), recording);
    programs.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_peer_is_away_says_when_to_come_back_and_recovers() {
    let mut programs = start().await;
    let People { owner, sender } = people(&programs).await;
    for name in ["key-directory", "upload"] {
        programs.terminate(name).unwrap();
        assert!(programs.ended(name).await.unwrap().success());
    }
    programs.start_again("upload").await.unwrap();
    let pem = std::fs::read(programs.state().join("ca").join("ca.pem")).unwrap();
    let ca = reqwest::Certificate::from_pem(&pem).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    let url = format!("{}/v1/records", programs.own_url("upload"));
    let ask = async || client.get(&url).header("authorization", "DPoP nobody").send().await.unwrap();
    let away = ask().await;
    assert_eq!((away.status().as_u16(), away.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    programs.start_again("key-directory").await.unwrap();
    let back = async {
        while ask().await.status().as_u16() != 401 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), back).await.unwrap();
    let sent = sender.upload_bytes(b"after the break".to_vec(), "ecg.edf").send().await.unwrap();
    assert_eq!(content(&owner, sent.record, &programs.outside("opened")).await.unwrap(), b"after the break");
    programs.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_retention_may_call_upload() {
    let programs = start().await;
    let key_file = programs.state().join("secrets.key");
    let secrets = Beside::open(&programs.state(), &key_file, programs.parts()).await.unwrap().secrets;
    let ask = async |caller: &str| {
        let tls = InsideTls::open(caller, secrets.clone(), SystemClock::shared()).await.unwrap();
        let address = programs.internal("upload").to_string();
        let peer = inside("upload", &address, std::sync::Arc::new(tls), RemoteOptions::default()).unwrap();
        let request = GetRecordPartiesRequest { tenant: "x".to_owned(), record: "x".to_owned() };
        let answer = UploadServiceClient::new(peer).get_record_parties(request).await;
        Problem::from(answer.unwrap_err()).reason().code()
    };
    assert_eq!(ask("retention").await, "invalid-request", "it got as far as the method");
    assert_eq!(ask("notification").await, "forbidden");
    programs.stop().await.unwrap();
}
