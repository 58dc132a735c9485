//! Statements, rows and transactions of PostgreSQL's driver.
//!
//! Transactions are SERIALIZABLE unless they say otherwise: use cases were written for one writer at a time, as SQLite has it, and
//! read before they write. What PostgreSQL can't order it refuses (40001), and [`super::Db::tx`] runs it again. What many do
//! at once is written for READ COMMITTED ([`super::Db::tx_by_row`]).
//!
//! Every statement has a deadline of its own: a primary that is frozen with its zone keeps TCP alive, and the server's
//! `statement_timeout` does not end the wait for a standby.

use std::time::Duration;

use sqlx::postgres::{PgExecutor, PgRow};
use sqlx::{Postgres, Row as _};

use super::DbError;
use super::pool::{Begun, Pool};
use super::query::{Done, Statement, Want};
use super::row::{self, Row};
use super::tx::Isolation;
use super::value::Value;

/// How long a statement may last, a commit's wait for the standby included.
const STATEMENT: Duration = Duration::from_secs(10);

/// A statement's outcome, or [`DbError::Unavailable`] if it takes too long: then it is unknown, and the caller's idempotency
/// key settles it.
pub(super) async fn in_time<T>(work: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    match tokio::time::timeout(STATEMENT, work).await {
        Ok(result) => result,
        Err(_) => Err(DbError::Unavailable(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))),
    }
}

/// Begins a transaction.
pub(super) async fn begin(pool: &Pool, isolation: Isolation) -> Result<Begun, DbError> {
    let words = match isolation {
        Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        Isolation::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
    };
    in_time(pool.begin(words)).await
}

/// Begins to read one moment.
pub(super) async fn begin_reading(pool: &Pool) -> Result<Begun, DbError> {
    in_time(pool.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")).await
}

/// Runs a statement that stands for itself.
pub(super) async fn run_alone(pool: &Pool, statement: Statement) -> Result<Done, DbError> {
    in_time(async {
        let permit = pool.permit().await?;
        match run(pool.driver(&permit), statement.clone()).await {
            Err(error) if pool.renewed(&error).await => run(pool.driver(&permit), statement).await,
            done => done,
        }
    })
    .await
}

/// Reads what one statement gives.
pub(super) async fn rows_alone(pool: &Pool, statement: Statement, want: Want) -> Result<Vec<Row>, DbError> {
    in_time(async {
        let permit = pool.permit().await?;
        match rows(pool.driver(&permit), statement.clone(), want).await {
            Err(error) if pool.renewed(&error).await => rows(pool.driver(&permit), statement, want).await,
            rows => rows,
        }
    })
    .await
}

pub(super) async fn run(on: impl PgExecutor<'_>, statement: Statement) -> Result<Done, DbError> {
    Ok(Done(bound(statement).execute(on).await?.rows_affected()))
}

pub(super) async fn rows(on: impl PgExecutor<'_>, statement: Statement, want: Want) -> Result<Vec<Row>, DbError> {
    let rows = match want {
        Want::First => bound(statement).fetch_optional(on).await?.into_iter().collect(),
        Want::All => bound(statement).fetch_all(on).await?,
    };
    row::all(&rows, value)
}

fn bound(statement: Statement) -> sqlx::query::Query<'static, Postgres, <Postgres as sqlx::Database>::Arguments> {
    statement.values.into_iter().fold(sqlx::query(statement.sql), |query, value| match value {
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn value(row: &PgRow, at: usize, kind: &str) -> Result<Option<Value>, sqlx::Error> {
    Ok(Some(match kind {
        "INT8" => Value::Int(row.try_get(at)?),
        "INT4" => Value::Int(row.try_get::<Option<i32>, _>(at)?.map(i64::from)),
        "BOOL" => Value::Int(row.try_get::<Option<bool>, _>(at)?.map(i64::from)),
        "TEXT" | "VARCHAR" | "NAME" => Value::Text(row.try_get(at)?),
        "BYTEA" => Value::Bytes(row.try_get(at)?),
        _ => return Ok(None),
    }))
}
