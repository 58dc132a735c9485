//! `retention.db` of a tenant. One file per table group; what a row means is decided here and nowhere else.

pub mod audit;
pub mod deadlines;
pub mod erasures;
pub mod receipts;

use std::str::FromStr;

use siegel_platform::db::DbError;

/// Reads an id or a word that we wrote ourselves; anything else is corrupt data, named by table and column.
pub(crate) fn read<T: FromStr>(text: &str, table: &'static str, column: &'static str) -> Result<T, DbError> {
    text.parse().map_err(|_| DbError::corrupt(table, column, "?"))
}
