//! Statements and rows of SQLite's driver.

use sqlx::sqlite::{SqliteExecutor, SqliteRow};
use sqlx::{Row as _, Sqlite};

use super::DbError;
use super::query::{Done, Statement, Want};
use super::row::{self, Row};
use super::value::Value;

pub(super) async fn run(on: impl SqliteExecutor<'_>, statement: Statement) -> Result<Done, DbError> {
    Ok(Done(bound(statement).execute(on).await?.rows_affected()))
}

pub(super) async fn rows(on: impl SqliteExecutor<'_>, statement: Statement, want: Want) -> Result<Vec<Row>, DbError> {
    let rows = match want {
        Want::First => bound(statement).fetch_optional(on).await?.into_iter().collect(),
        Want::All => bound(statement).fetch_all(on).await?,
    };
    row::all(&rows, value)
}

fn bound(statement: Statement) -> sqlx::query::Query<'static, Sqlite, <Sqlite as sqlx::Database>::Arguments> {
    statement.values.into_iter().fold(sqlx::query(statement.sql), |query, value| match value {
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn value(row: &SqliteRow, at: usize, kind: &str) -> Result<Option<Value>, sqlx::Error> {
    Ok(Some(match kind {
        "INTEGER" | "BOOLEAN" => Value::Int(row.try_get_unchecked(at)?),
        "TEXT" => Value::Text(row.try_get_unchecked(at)?),
        "BLOB" => Value::Bytes(row.try_get_unchecked(at)?),
        _ => return Ok(None),
    }))
}
