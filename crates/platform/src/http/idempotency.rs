//! A write that is sent twice is done once. The key is the client's; the row is scoped to tenant, principal and route, so
//! that nobody meets another's answer, and carries the hash of the body, so that a key reused for another request is
//! refused. The answer is stored in the transaction of the change itself: there is no moment at which one exists without
//! the other. Rows live 24 hours.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use siegel_domain::time::DAY_MS;
use siegel_domain::{Principal, TenantId, Timestamp};

use super::extract::Json;
use crate::db::{self, Db, DbError, Tx, Work};
use crate::problem::{Problem, Reason};

/// The table, for a service's first migration.
pub const IDEMPOTENCY_SQL: &str = include_str!("idempotency.sql");
/// How long an answer is kept.
pub const KEEP_MS: i64 = DAY_MS;
/// Longest key.
const KEY_CHARS: usize = 128;

/// The `Idempotency-Key` of a request, if it has one: 1-128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let (first, second) = (values.next(), values.next());
        let Some(first) = first else { return Ok(Self(None)) };
        let key = first.to_str().ok().filter(|key| (1..=KEY_CHARS).contains(&key.len()));
        match (key.filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic())), second) {
            (Some(key), None) => Ok(Self(Some(key.to_owned()))),
            _ => Err(Problem::invalid("Idempotency-Key", "must be 1-128 visible ASCII characters, once")),
        }
    }
}

/// Whose request it is, and which.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The client's key; without one nothing is stored.
    pub key: Option<String>,
    /// The tenant, if there is one.
    pub tenant: Option<TenantId>,
    /// Who asks.
    pub principal: Principal,
    /// Method and template of the route, for example `POST /v1/records/{id}/commit`.
    pub route: &'static str,
    /// BLAKE3-256 of everything that says what is asked: the ids in the path and the body.
    pub body_hash: [u8; 32],
}

impl Scope {
    /// The row's key: a hash, so that the table holds neither the client's key nor who asked.
    fn row(&self, key: &str) -> Vec<u8> {
        let mut hasher = blake3::Hasher::new_derive_key("siegel/1/idempotency");
        let tenant = self.tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
        for part in [&tenant, &self.principal.to_string(), self.route, key] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().as_bytes().to_vec()
    }
}

/// An answer that can be stored and given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; a success.
    pub status: StatusCode,
    /// The JSON body; empty for none.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json<T: serde::Serialize>(status: StatusCode, body: &T) -> Self {
        let body = serde_json::to_vec(body).expect("our own bodies have string keys and no failing serializers");
        Self { status, body }
    }

    /// An answer without a body.
    pub const fn empty(status: StatusCode) -> Self {
        Self { status, body: Vec::new() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if self.body.is_empty() {
            return self.status.into_response();
        }
        (self.status, [(CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

impl<T: serde::Serialize> From<Json<T>> for Answer {
    fn from(json: Json<T>) -> Self {
        Self::json(StatusCode::OK, &json.0)
    }
}

/// Runs `work` in a transaction once for each key; a repetition gets the first answer. A refusal is not stored: the next
/// attempt may succeed.
pub async fn once<'w, F>(
    db: &Db,
    name: &'static str,
    scope: &'w Scope,
    now: Timestamp,
    work: F,
) -> Result<Answer, Problem>
where
    F: for<'c> Fn(&'c mut Tx<'w>) -> Work<'c, Answer, Problem> + Send + Sync + 'w,
{
    let work = Arc::new(work); // shared with each attempt's future
    db.tx(name, move |tx| {
        let work = work.clone();
        Box::pin(async move {
            if let Some(answer) = replay(tx, scope, now).await? {
                return Ok(answer);
            }
            let answer = work(tx).await?;
            remember(tx, scope, &answer, now).await?;
            Ok(answer)
        })
    })
    .await
}

/// The stored answer of this request, if it was done; a problem if the key was used for another request.
pub async fn replay(tx: &mut Tx<'_>, scope: &Scope, now: Timestamp) -> Result<Option<Answer>, Problem> {
    let Some(key) = &scope.key else { return Ok(None) };
    let row: Option<(Vec<u8>, i64, Vec<u8>)> =
        db::query_as("SELECT body_hash, status, body FROM idempotency WHERE scope = $1 AND created_ms > $2")
            .bind(scope.row(key))
            .bind(now.0.saturating_sub(KEEP_MS))
            .fetch_optional(&mut **tx)
            .await?;
    let Some((body_hash, status, body)) = row else { return Ok(None) };
    if body_hash != scope.body_hash {
        return Err(Reason::IdempotencyMismatch.into());
    }
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| DbError::corrupt("idempotency", "status", "?"))?;
    Ok(Some(Answer { status, body }))
}

/// Stores the answer of this request.
pub async fn remember(tx: &mut Tx<'_>, scope: &Scope, answer: &Answer, now: Timestamp) -> Result<(), DbError> {
    let Some(key) = &scope.key else { return Ok(()) };
    db::query(
        "INSERT INTO idempotency (scope, body_hash, status, body, created_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (scope) DO UPDATE SET body_hash = excluded.body_hash, status = excluded.status,
                                           body = excluded.body, created_ms = excluded.created_ms",
    )
    .bind(scope.row(key))
    .bind(scope.body_hash.as_slice())
    .bind(i64::from(answer.status.as_u16()))
    .bind(&answer.body)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes at most `limit` answers that are older than a day; returns how many.
pub async fn sweep(db: &Db, now: Timestamp, limit: u32) -> Result<usize, DbError> {
    let before = now.0.saturating_sub(KEEP_MS);
    db.tx("idempotency.sweep", |tx| {
        Box::pin(async move {
            let done = db::query(
                "DELETE FROM idempotency WHERE scope IN
                   (SELECT scope FROM idempotency WHERE created_ms <= $1 ORDER BY created_ms LIMIT $2)",
            )
            .bind(before)
            .bind(limit)
            .execute(&mut **tx)
            .await?;
            Ok::<_, DbError>(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
        })
    })
    .await
}
