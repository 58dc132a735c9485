//! Statements and rows of SQLite's driver.

use std::sync::Arc;

use sqlx::sqlite::{SqliteExecutor, SqliteRow};
use sqlx::{Column as _, Row as _, Sqlite, TypeInfo as _, ValueRef as _};

use super::DbError;
use super::query::{Done, Statement};
use super::row::Row;
use super::value::Value;

pub(super) async fn run(on: impl SqliteExecutor<'_>, statement: Statement) -> Result<Done, DbError> {
    Ok(Done(bound(statement).execute(on).await?.rows_affected()))
}

pub(super) async fn rows(on: impl SqliteExecutor<'_>, statement: Statement, limit: usize) -> Result<Vec<Row>, DbError> {
    let rows = match limit {
        1 => bound(statement).fetch_optional(on).await?.into_iter().collect(),
        _ => bound(statement).fetch_all(on).await?,
    };
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let columns: Arc<[String]> = first.columns().iter().map(|column| column.name().to_owned()).collect();
    rows.iter().map(|row| read(row, &columns)).collect()
}

fn bound(statement: Statement) -> sqlx::query::Query<'static, Sqlite, <Sqlite as sqlx::Database>::Arguments> {
    statement.values.into_iter().fold(sqlx::query(statement.sql), |query, value| match value {
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn read(row: &SqliteRow, columns: &Arc<[String]>) -> Result<Row, DbError> {
    let value = |at: usize| {
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Value::Int(None));
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" | "BOOLEAN" => Value::Int(row.try_get_unchecked(at)?),
            "TEXT" => Value::Text(row.try_get_unchecked(at)?),
            "BLOB" => Value::Bytes(row.try_get_unchecked(at)?),
            _ => return Err(DbError::Column { column: columns[at].clone() }),
        })
    };
    let values = (0..columns.len()).map(value).collect::<Result<_, DbError>>()?;
    Ok(Row::new(columns.clone(), values))
}
