//! Rows as both databases give them.

use std::sync::Arc;

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

impl Row {
    pub(super) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

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
