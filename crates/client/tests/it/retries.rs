//! Bad times: a busy server, a broken line, an answer that is none.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use siegel_client::api::tenants::Durability;
use siegel_client::{Code, Error, NewTenant};

use crate::fake::{Fake, dealer, from_a_proxy, pair, problem};

fn new_tenant() -> NewTenant {
    NewTenant {
        handle: "herzzentrum".to_owned(),
        display_name: "Herzzentrum".to_owned(),
        comment: String::new(),
        jurisdiction: "EU".to_owned(),
        durability: Durability::Available,
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_a_write_keeps_its_idempotency_key() {
    let (fake, session, _dir) = pair().await;
    fake.next("POST /v1/tenants", problem(503, "over-capacity", None));
    fake.next("POST /v1/tenants", from_a_proxy(502));
    fake.next("POST /v1/tenants", problem(409, "handle-taken", None));
    let error = session.create_tenant(new_tenant()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::HandleTaken), "a refusal is not repeated");
    let tries = fake.seen("POST /v1/tenants");
    assert_eq!(tries.len(), 3);
    let key = tries[0].header("idempotency-key").expect("a key");
    assert!(tries.iter().all(|seen| seen.header("idempotency-key") == Some(key)), "one key for one call");
    assert!(tries.iter().all(|seen| seen.body == tries[0].body));
    let proofs: std::collections::BTreeSet<_> = tries.iter().map(|seen| seen.proof()["jti"].to_string()).collect();
    assert_eq!(proofs.len(), 3, "each attempt has a proof of its own");

    session.create_tenant(new_tenant()).await.unwrap_err();
    assert_ne!(fake.seen("POST /v1/tenants")[3].header("idempotency-key"), Some(key), "another call, another key");
}

#[tokio::test]
async fn f42_who_is_told_to_wait_waits_as_long_and_repeats_only_what_may_be_repeated() {
    let (fake, address) = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let told = waits.clone();
    let on_wait = Arc::new(move |wait: Duration, error: &Error| {
        assert_eq!(error.code(), Some(Code::RateLimited));
        told.lock().unwrap().push(wait);
    });
    let session = dealer(dir.path(), &format!("http://{address}")).on_wait(on_wait).machine().unwrap();
    // A read, and a write that is known by its key.
    fake.next("GET /v1/auth/session", problem(429, "rate-limited", Some(1)));
    session.who().await.unwrap();
    fake.next("POST /v1/tenants", problem(429, "rate-limited", Some(1)));
    session.create_tenant(new_tenant()).await.unwrap_err(); // not found: the fake knows nothing of tenants
    let tries = fake.seen("POST /v1/tenants");
    assert_eq!((fake.seen("GET /v1/auth/session").len(), tries.len()), (2, 2));
    assert_eq!(tries[0].header("idempotency-key"), tries[1].header("idempotency-key"));
    let waits = waits.lock().unwrap().clone();
    assert_eq!(waits.len(), 2);
    // Not earlier than it was told, and not all at the same moment.
    let bounds = Duration::from_secs(1)..=Duration::from_millis(1_250);
    assert!(waits.iter().all(|wait| bounds.contains(wait)), "{waits:?}");
}

#[tokio::test]
async fn a_wait_beyond_the_budget_is_not_waited() {
    let (fake, session, _dir) = pair().await;
    fake.next("GET /v1/auth/session", problem(429, "rate-limited", Some(3600)));
    let error = session.who().await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Some(Code::RateLimited), true));
    assert!(matches!(error, Error::Refused(problem) if problem.retry_after_s == Some(3600)));
    assert_eq!(fake.seen("GET /v1/auth/session").len(), 1);
}

#[tokio::test]
async fn an_error_inside_the_server_is_not_repeated_for_long() {
    let (fake, session, _dir) = pair().await;
    for _ in 0..5 {
        fake.next("GET /v1/auth/session", problem(500, "internal", None));
    }
    assert_eq!(session.who().await.unwrap_err().code(), Some(Code::Internal));
    assert_eq!(fake.seen("GET /v1/auth/session").len(), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let (fake, session, _dir) = pair().await;
    let half = futures::stream::iter([Ok("{\"principal\":"), Err(std::io::Error::other("cut"))]);
    fake.next("GET /v1/auth/session", Response::new(Body::from_stream(half)));
    session.who().await.unwrap();
    assert_eq!(fake.seen("GET /v1/auth/session").len(), 2);
}

#[tokio::test]
async fn what_is_no_platform_is_said_to_be_none() {
    let (fake, session, _dir) = pair().await;
    fake.next("GET /v1/auth/session", Response::new(Body::from("<html>Welcome to our hotel</html>")));
    assert!(matches!(session.who().await.unwrap_err(), Error::Answer { .. }));
    fake.next("GET /v1/auth/session", from_a_proxy(403));
    assert!(matches!(session.who().await.unwrap_err(), Error::Answer { .. }));
    let endless = vec![b' '; 5 * 1024 * 1024];
    fake.next("GET /v1/auth/session", Response::new(Body::from(endless)));
    assert!(matches!(session.who().await.unwrap_err(), Error::Answer { .. }));
}

#[tokio::test]
async fn a_host_that_is_away_is_named_after_the_budget_and_each_wait_is_told() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let told = waits.clone();
    let session = dealer(dir.path(), &format!("http://{closed}"))
        .bridge(Duration::from_millis(700))
        .on_wait(Arc::new(move |wait, _| told.lock().unwrap().push(wait)))
        .machine()
        .unwrap();
    let error = session.who().await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(host) if host.host == closed.to_string()), "{error}");
    let waits = waits.lock().unwrap();
    assert!(!waits.is_empty() && waits.iter().sum::<Duration>() <= Duration::from_millis(700), "{waits:?}");
}

#[tokio::test]
async fn plain_http_is_for_this_machine_only() {
    let dir = tempfile::tempdir().unwrap();
    for bad in ["http://siegel.example", "ftp://127.0.0.1", "https://h/path", "https://user@h", "nonsense"] {
        let dir = dir.path().join(bad.replace(['/', ':'], "_"));
        assert!(matches!(dealer(&dir, bad).machine(), Err(Error::Input { .. })), "{bad}");
    }
}
