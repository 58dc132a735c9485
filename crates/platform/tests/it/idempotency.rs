//! A write that is sent twice is done once.

use axum::http::StatusCode;
use siegel_domain::time::DAY_MS;
use siegel_domain::{MemberId, Principal, TenantId, Timestamp};
use siegel_platform::db::{self, Db, DbOptions};
use siegel_platform::http::idempotency::{Answer, Scope, once, sweep};
use siegel_platform::{Problem, Reason, provider};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The provider database has the table, as services' databases do.
async fn open(dir: &TempDir) -> Db {
    provider::open(dir.path(), DbOptions::default()).await.unwrap()
}

fn scope(key: Option<&str>, tenant: u8, member: u8, body: &[u8]) -> Scope {
    Scope {
        key: key.map(str::to_owned),
        tenant: Some(TenantId::from_bytes([tenant; 16])),
        principal: Principal::Member(MemberId::from_bytes([member; 16])),
        route: "POST /v1/dealers",
        body_hash: blake3::hash(body).into(),
    }
}

/// Adds a dealer and answers with how many there are; refuses if `allowed` is false.
async fn add(db: &Db, scope: &Scope, now: Timestamp, allowed: bool) -> Result<String, Problem> {
    let answer = once(db, "test.add", scope, now, |tx| {
        Box::pin(async move {
            db::query(
                "INSERT INTO dealers (id, label, state, created_ms) VALUES (hex(randomblob(8)), '', 'active', 0)",
            )
            .execute(&mut **tx)
            .await?;
            let (count,): (i64,) = db::query_as("SELECT count(*) FROM dealers").fetch_one(&mut **tx).await?;
            if allowed { Ok(Answer::json(StatusCode::CREATED, &count)) } else { Err(Reason::Conflict.into()) }
        })
    });
    let answer = answer.await?;
    assert_eq!(answer.status, StatusCode::CREATED);
    Ok(String::from_utf8(answer.body).unwrap())
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_and_nothing_is_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir).await;
    let first = scope(Some("key-1"), 1, 1, b"body");
    assert_eq!(add(&db, &first, NOW, true).await.unwrap(), "1");
    assert_eq!(add(&db, &first, NOW.plus_ms(1_000), true).await.unwrap(), "1");
    // Without a key, with another key, of another person, of another tenant: other requests.
    for (n, other) in [
        scope(None, 1, 1, b"body"),
        scope(None, 1, 1, b"body"),
        scope(Some("key-2"), 1, 1, b"body"),
        scope(Some("key-1"), 1, 2, b"body"),
        scope(Some("key-1"), 2, 1, b"body"),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(add(&db, other, NOW, true).await.unwrap(), (n + 2).to_string());
    }
    let reused = add(&db, &scope(Some("key-1"), 1, 1, b"another body"), NOW, true).await.unwrap_err();
    assert_eq!(reused.reason(), Reason::IdempotencyMismatch);
}

#[tokio::test]
async fn a_refusal_is_not_remembered_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir).await;
    let request = scope(Some("key"), 1, 1, b"body");
    assert_eq!(add(&db, &request, NOW, false).await.unwrap_err().reason(), Reason::Conflict);
    assert_eq!(add(&db, &request, NOW, true).await.unwrap(), "1");
}

#[tokio::test]
async fn two_at_once_are_done_once() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir).await;
    let request = scope(Some("key"), 1, 1, b"body");
    let both = tokio::join!(add(&db, &request, NOW, true), add(&db, &request, NOW, true));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), ("1".to_owned(), "1".to_owned()));
}

#[tokio::test]
async fn answers_are_kept_for_a_day_and_then_swept_in_batches() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir).await;
    let request = scope(Some("key"), 1, 1, b"body");
    for n in 0..3 {
        add(&db, &scope(Some(&format!("key-{n}")), 1, 1, b"body"), NOW, true).await.unwrap();
    }
    assert_eq!(add(&db, &request, NOW.plus_ms(1), true).await.unwrap(), "4");
    assert_eq!(add(&db, &request, NOW.plus_ms(DAY_MS), true).await.unwrap(), "4");
    let after = NOW.plus_ms(DAY_MS);
    assert_eq!(sweep(&db, after, 2).await.unwrap(), 2);
    assert_eq!(sweep(&db, after, 2).await.unwrap(), 1);
    assert_eq!(sweep(&db, after, 2).await.unwrap(), 0, "the youngest is not a day old");
    assert_eq!(
        add(&db, &request, NOW.plus_ms(DAY_MS + 1), true).await.unwrap(),
        "5",
        "a day later it is a new request"
    );
}
