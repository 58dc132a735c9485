//! Secrets in what a process says (F40): logs, traces, metrics, error bodies.

use std::path::Path;

use siegel_api::members::ReturnReport;
use siegel_api::tenants::Durability;
use siegel_client::profile::ProfileDir;
use siegel_client::{Enrolment, RecordQuery, SignIn};
use siegel_domain::{Principal, Role};
use siegel_e2e::{ChildServer, Collector, PASSWORD, canary_hits, contains};
use siegel_platform::host::PartsChoice;

use crate::support::{content, user_root};

/// Texts that no output may hold.
const NAME: &str = "Erika-Mustermann-1958.edf";
const NOTE: &str = "Verdacht auf Vorhofflimmern";
const PERSON: &str = "Praxis-Dr-Adlerauge";
const LOGIN: &str = "inhaberin-canary";
const CONTENT: &[u8] = b"0815-canary-plaintext-of-a-recording";

#[tokio::test(flavor = "multi_thread")]
async fn f40_no_secret_is_in_logs_traces_metrics_or_refusals() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::listen().await.unwrap();
    let config = dir.path().join("siegel.toml");
    let telemetry = format!(
        "[telemetry]\nformat = \"json\"\nfilter = \"trace\"\nsample = 1.0\notlp_endpoint = \"{}\"\n",
        collector.endpoint()
    );
    std::fs::write(&config, telemetry).unwrap();
    let state = dir.path().join("state");
    let args = ["--config", config.to_str().unwrap()];
    let program = Path::new(env!("CARGO_BIN_EXE_platform"));
    let mut server = ChildServer::start_with(program, &state, &args).await.unwrap();

    // A day at the centre, with what goes well and what does not.
    let profile = |name: &str| ProfileDir::at(dir.path().join(name));
    let dealers = siegel_e2e::add_dealer_beside(&server.url(), &state, &PartsChoice::Embedded).await.unwrap();
    Enrolment::begin(&dealers, None, None).await.unwrap().dealer(&profile("dealer")).await.unwrap();
    let dealer = SignIn::at(profile("dealer")).machine().unwrap();
    let new = siegel_client::NewTenant {
        handle: "herz".into(),
        display_name: "Herz".into(),
        comment: "K-1".into(),
        jurisdiction: "EU".into(),
        durability: Durability::Available,
    };
    let (_, first) = dealer.create_tenant(new).await.unwrap();
    let password = siegel_e2e::password();
    Enrolment::begin(&first, None, None).await.unwrap().owner(&profile("owner"), LOGIN, &password).await.unwrap();
    let owner = SignIn::at(profile("owner")).password(PASSWORD).await.unwrap();
    let member = owner.invite_member("Berta-Canary", Role::Member, None).await.unwrap();
    Enrolment::begin(&member.code, None, None).await.unwrap().member(&profile("b"), "berta", &password).await.unwrap();
    let Principal::Member(id) = member.principal else { panic!("a member's code") };
    owner.confirm_member(id).await.unwrap();
    let invitation = owner.invite_sender(PERSON, ReturnReport::Always, None).await.unwrap();
    Enrolment::begin(&invitation.code, None, None).await.unwrap().sender(&profile("sender")).await.unwrap();
    let Principal::Sender(id) = invitation.principal else { panic!("a sender's code") };
    owner.confirm_sender(id).await.unwrap();
    let sender = SignIn::at(profile("sender")).machine().unwrap();
    let sent = sender.upload_bytes(CONTENT.to_vec(), NAME).note(NOTE).send().await.unwrap();
    assert_eq!(content(&owner, sent.record, &dir.path().join("got")).await.unwrap(), CONTENT);
    owner.listing(&RecordQuery::default()).await.unwrap();
    SignIn::at(profile("owner")).password("Falsches-Canary-Wort-9").await.unwrap_err();
    assert!(Enrolment::begin(&invitation.code, None, None).await.is_err(), "used");

    // Requests that quote secrets where none belong: in paths, queries, headers, bodies.
    let refusals = refusals(&server).await;
    let metrics = plain(&server, "GET", "/metrics", &[], "").await;
    assert!(metrics.contains("siegel_"), "{metrics}");
    server.stop().unwrap();
    let (log, traces) = (server.log().unwrap(), collector.kept());
    assert!(log.lines().filter(|line| line.starts_with('{')).count() > 20, "it said something: {log}");
    assert!(traces.len() > 1_000 && contains(&traces, b"siegel-server"), "spans were exported");

    let outputs = dir.path().join("outputs");
    std::fs::create_dir(&outputs).unwrap();
    for (name, bytes) in [
        ("log", log.into_bytes()),
        ("traces", traces),
        ("metrics", metrics.into_bytes()),
        ("refusals", refusals.join("\n").into_bytes()),
    ] {
        std::fs::write(outputs.join(name), bytes).unwrap();
    }
    let mut canaries: Vec<Vec<u8>> = [NAME, NOTE, PERSON, LOGIN, PASSWORD, "Berta-Canary", "berta", "Canary"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec();
    canaries.push(CONTENT.to_vec());
    for code in [&dealers, &first, &member.code, &invitation.code] {
        canaries.push(code.as_bytes().to_vec());
        let parsed: siegel_envelope::EnrolmentCode = code.parse().unwrap();
        canaries.push(parsed.secret.as_bytes().to_vec());
    }
    for name in ["dealer", "owner", "b", "sender"] {
        canaries.push(profile(name).device_keys().unwrap().to_bytes()[1..33].to_vec());
    }
    canaries.push(user_root(&owner));
    let ring = owner.ring().await.unwrap();
    canaries.extend(ring.iter().map(|seed| seed.secret().expose().to_vec()));
    for canary in canaries {
        let shown = String::from_utf8_lossy(&canary).into_owned();
        assert!(canary_hits(&outputs, &canary).is_empty(), "{shown} is in {:?}", canary_hits(&outputs, &canary));
    }
}

/// What the platform says about requests that quote a canary; the canary comes back in none of them.
async fn refusals(server: &ChildServer) -> Vec<String> {
    let json = [("content-type", "application/json")];
    let long = format!("/v1/records/Canary{}", "x".repeat(5_000));
    let mut said = Vec::new();
    for (method, path, headers, body) in [
        ("GET", "/v1/records/Canary-Mustermann", &[][..], ""),
        ("GET", "/v1/records?page_token=Canary", &[], ""),
        ("GET", "/Canary/%43anary", &[], ""),
        ("GET", &long, &[], ""),
        ("GET", "/v1/records", &[("authorization", "DPoP Canary.Canary.Canary")], ""),
        ("GET", "/v1/records", &[("authorization", "Bearer Canary"), ("dpop", "Canary")], ""),
        ("GET", "/v1/events", &[("last-event-id", "Canary")], ""),
        ("POST", "/v1/auth/login/start", &json, r#"{"login":"Canary@herz","device":"Canary","request":"Canary"}"#),
        ("POST", "/v1/auth/login/start", &json, r#"{"Canary":1}"#),
        ("POST", "/v1/auth/enrol/lookup", &json, r#"{"auth":"Canary"#),
        ("POST", "/v1/auth/enrol/lookup", &json, r#""Canary""#),
        ("POST", "/v1/records/small", &[("content-encoding", "Canary")], "Canary"),
        ("POST", "/v1/auth/token", &[("content-type", "text/Canary")], "Canary"),
        ("POST", "/v1/records", &[("idempotency-key", "Canary Canary")], "{}"),
    ] {
        said.push(plain(server, method, path, headers, body).await);
    }
    assert!(said.iter().all(|said| said.contains("\"code\"")), "{said:#?}");
    let quoting: Vec<_> = said.iter().filter(|said| said.contains("anary")).collect();
    assert!(quoting.is_empty(), "{quoting:#?}");
    said
}

async fn plain(server: &ChildServer, method: &str, path: &str, headers: &[(&str, &str)], body: &'static str) -> String {
    let http = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap();
    let mut request = http.request(method.parse().unwrap(), format!("{}{path}", server.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).send().await.unwrap().text().await.unwrap()
}
