//! Rows as both databases give them.

use std::sync::Arc;

use sqlx::{Column as _, ColumnIndex, TypeInfo as _, ValueRef as _};

use super::DbError;
use super::value::{FromValue, Value};

/// One row.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

/// A column by its name or its place.
pub trait Column {
    /// Its place.
    fn place(&self, columns: &[String]) -> Option<usize>;
    /// For errors.
    fn name(&self) -> String;
}

impl Column for &str {
    fn place(&self, columns: &[String]) -> Option<usize> {
        columns.iter().position(|column| column == self)
    }
    fn name(&self) -> String {
        (*self).to_owned()
    }
}

impl Column for usize {
    fn place(&self, columns: &[String]) -> Option<usize> {
        (*self < columns.len()).then_some(*self)
    }
    fn name(&self) -> String {
        self.to_string()
    }
}

/// Reads one value of a driver's row: the row, the column's place, and the name of its type. `None`: a type we do not use.
pub(super) type ReadValue<R> = fn(&R, usize, &str) -> Result<Option<Value>, sqlx::Error>;

/// A driver's rows as ours.
pub(super) fn all<R: sqlx::Row>(rows: &[R], value: ReadValue<R>) -> Result<Vec<Row>, DbError>
where
    usize: ColumnIndex<R>,
{
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let columns: Arc<[String]> = first.columns().iter().map(|column| column.name().to_owned()).collect();
    let read = |row: &R, at: usize| {
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Value::Int(None));
        }
        let kind = raw.type_info().name().to_owned();
        value(row, at, &kind)?.ok_or_else(|| DbError::Column { column: columns[at].clone() })
    };
    let row = |row: &R| {
        let values = (0..columns.len()).map(|at| read(row, at)).collect::<Result<_, DbError>>()?;
        Ok(Row { columns: columns.clone(), values })
    };
    rows.iter().map(row).collect()
}

impl Row {
    /// A column's value. An error if there is no such column or it is of another type: a mistake in the program.
    pub fn try_get<'r, T: FromValue<'r>, C: Column>(&'r self, column: C) -> Result<T, DbError> {
        let place = column.place(&self.columns);
        let value = place.and_then(|place| T::from_value(&self.values[place]));
        value.ok_or_else(|| DbError::Column { column: column.name() })
    }
}

/// What a whole row can be read as: tuples of columns, in their order.
pub trait FromRow: Sized {
    /// The value.
    fn from_row(row: &Row) -> Result<Self, DbError>;
}

macro_rules! tuples {
    ($(($($name:ident $place:tt),+);)*) => {$(
        impl<$($name: for<'r> FromValue<'r>),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row) -> Result<Self, DbError> {
                Ok(($(row.try_get::<$name, _>($place as usize)?,)+))
            }
        }
    )*};
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}
