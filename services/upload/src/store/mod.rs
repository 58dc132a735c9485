//! The tables of `upload.db`, a file each: rows to types and back, nothing else. What a row means is said once, in its
//! `TryFrom`; a value that does not fit is reported by table, column and row.

pub mod conversations;
pub mod copies;
pub mod erasures;
pub mod grants;
pub mod owners;
pub mod parties;
pub mod parts;
pub mod records;
pub mod strays;

use std::str::FromStr;

use siegel_platform::db::{DbError, Row};

/// An id in a column.
fn id<T: FromStr>(row: &Row, table: &'static str, column: &'static str) -> Result<T, DbError> {
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|_| DbError::corrupt(table, column, "?"))
}

/// An id in a column that may be empty.
fn id_or_none<T: FromStr>(row: &Row, table: &'static str, column: &'static str) -> Result<Option<T>, DbError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|_| DbError::corrupt(table, column, "?"))).transpose()
}

/// A number in a column that is never negative and fits its type.
fn number<T: TryFrom<i64>>(row: &Row, table: &'static str, column: &'static str) -> Result<T, DbError> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| DbError::corrupt(table, column, "?"))
}
