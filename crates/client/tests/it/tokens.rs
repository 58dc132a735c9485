//! Tokens, proofs and nonces.

use crate::fake::{pair, problem, token, use_nonce};
use siegel_client::{Code, Error};

#[tokio::test]
async fn a_machine_signs_in_by_its_key_and_proves_each_request() {
    let (fake, session, _dir) = pair().await;
    session.who().await.unwrap();
    session.who().await.unwrap();
    assert_eq!(fake.seen("POST /v1/auth/token").len(), 1, "one token serves many requests");

    let challenge = &fake.seen("POST /v1/auth/challenge")[0];
    assert!(challenge.header("authorization").is_none());
    let asked = fake.seen("GET /v1/auth/session");
    let (first, second) = (&asked[0], &asked[1]);
    assert_eq!(first.header("authorization"), Some("DPoP first"));
    let proof = first.proof();
    assert_eq!(proof["htm"], "GET");
    assert_eq!(proof["htu"], format!("{}/v1/auth/session", session.http().origin()));
    assert!(proof["ath"].is_string(), "bound to the token");
    assert_ne!(proof["jti"], second.proof()["jti"], "each proof is for one use");
}

#[tokio::test]
async fn the_servers_nonce_is_used_at_once_and_kept() {
    let (fake, session, _dir) = pair().await;
    fake.next("POST /v1/auth/challenge", use_nonce("n-1"));
    session.who().await.unwrap();
    let tries = fake.seen("POST /v1/auth/challenge");
    assert_eq!(tries.len(), 2);
    assert!(tries[0].proof().get("nonce").is_none());
    assert_eq!(tries[1].proof()["nonce"], "n-1");
    assert_eq!(fake.seen("GET /v1/auth/session")[0].proof()["nonce"], "n-1", "known from then on");
}

#[tokio::test]
async fn a_token_that_ran_out_is_renewed_without_asking_anyone() {
    let (fake, session, _dir) = pair().await;
    fake.next("GET /v1/auth/session", problem(401, "token-expired", None));
    session.who().await.unwrap();
    assert_eq!(fake.seen("POST /v1/auth/renew").len(), 1);
    assert_eq!(fake.seen("GET /v1/auth/session")[1].header("authorization"), Some("DPoP renewed"));
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_before_it_is_used() {
    let (fake, session, _dir) = pair().await;
    fake.next("POST /v1/auth/token", token("short", 0));
    session.who().await.unwrap();
    session.who().await.unwrap();
    assert_eq!(fake.seen("GET /v1/auth/session")[1].header("authorization"), Some("DPoP renewed"));
}

#[tokio::test]
async fn a_machine_whose_session_was_ended_signs_in_again_and_a_revoked_device_does_not() {
    let (fake, session, _dir) = pair().await;
    session.who().await.unwrap();
    fake.next("GET /v1/auth/session", problem(401, "token-expired", None));
    fake.next("POST /v1/auth/renew", problem(401, "session-revoked", None));
    session.who().await.unwrap();
    assert_eq!(fake.seen("POST /v1/auth/token").len(), 2);

    fake.next("GET /v1/auth/session", problem(401, "token-expired", None));
    fake.next("POST /v1/auth/renew", problem(401, "session-revoked", None));
    fake.next("POST /v1/auth/token", problem(401, "login-failed", None));
    let error = session.who().await.unwrap_err();
    assert_eq!(error.code(), Some(Code::LoginFailed));
    assert!(matches!(error, Error::Refused(problem) if problem.request_id.as_deref() == Some("req-1")));
}
