//! Statements for either database, built as sqlx builds them: `query(…).bind(…).fetch_all(…)`. One text serves both (`$1`,
//! `ON CONFLICT`, `RETURNING`), and what differs between their drivers ends here.

use std::marker::PhantomData;

use futures::future::BoxFuture;

use super::row::{FromRow, Row};
use super::value::{FromValue, Value};
use super::{Connection, DbError, Reader};

/// A statement and its parameters.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
}

/// What a statement did.
#[derive(Debug, Clone, Copy)]
pub struct Done(pub(super) u64);

impl Done {
    /// How many rows it inserted, changed or deleted.
    pub fn rows_affected(self) -> u64 {
        self.0
    }
}

/// Which of a statement's rows.
#[derive(Debug, Clone, Copy)]
pub enum Want {
    /// The first, if there is one; the others are not fetched.
    First,
    /// All of them.
    All,
}

/// What a statement runs on: the reading side of a database, or a transaction's connection (`&mut **tx`).
pub trait Executor<'e>: Send {
    /// Runs it for its effect.
    fn run(self, statement: Statement) -> BoxFuture<'e, Result<Done, DbError>>;
    /// Runs it for its rows.
    fn rows(self, statement: Statement, want: Want) -> BoxFuture<'e, Result<Vec<Row>, DbError>>;
}

impl<'e> Executor<'e> for &'e Reader {
    fn run(self, statement: Statement) -> BoxFuture<'e, Result<Done, DbError>> {
        Box::pin(self.run_statement(statement))
    }
    fn rows(self, statement: Statement, want: Want) -> BoxFuture<'e, Result<Vec<Row>, DbError>> {
        Box::pin(self.rows_of(statement, want))
    }
}

impl<'e> Executor<'e> for &'e mut Connection {
    fn run(self, statement: Statement) -> BoxFuture<'e, Result<Done, DbError>> {
        Box::pin(self.run_statement(statement))
    }
    fn rows(self, statement: Statement, want: Want) -> BoxFuture<'e, Result<Vec<Row>, DbError>> {
        Box::pin(self.rows_of(statement, want))
    }
}

/// A statement that gives whole rows, or none.
#[must_use]
pub fn query(sql: &'static str) -> Query {
    Query(Statement { sql, values: Vec::new() })
}

/// A statement whose rows are read as tuples.
#[must_use]
pub fn query_as<T: FromRow>(sql: &'static str) -> QueryAs<T> {
    QueryAs(query(sql), PhantomData)
}

/// A statement of whose rows only the first column counts.
#[must_use]
pub fn query_scalar<T: for<'r> FromValue<'r>>(sql: &'static str) -> QueryScalar<T> {
    QueryScalar(query(sql), PhantomData)
}

/// See [`query`].
#[derive(Debug, Clone)]
pub struct Query(Statement);

impl Query {
    /// The next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.0.values.push(value.into());
        self
    }

    /// Runs it for its effect.
    pub async fn execute<'e>(self, on: impl Executor<'e>) -> Result<Done, DbError> {
        on.run(self.0).await
    }

    /// All rows.
    pub async fn fetch_all<'e>(self, on: impl Executor<'e>) -> Result<Vec<Row>, DbError> {
        on.rows(self.0, Want::All).await
    }

    /// The first row, if there is one.
    pub async fn fetch_optional<'e>(self, on: impl Executor<'e>) -> Result<Option<Row>, DbError> {
        Ok(on.rows(self.0, Want::First).await?.pop())
    }

    /// The first row; an error if there is none.
    pub async fn fetch_one<'e>(self, on: impl Executor<'e>) -> Result<Row, DbError> {
        self.fetch_optional(on).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }
}

/// See [`query_as`].
pub struct QueryAs<T>(Query, PhantomData<fn() -> T>);

impl<T: FromRow> QueryAs<T> {
    /// The next parameter.
    #[must_use]
    pub fn bind(self, value: impl Into<Value>) -> Self {
        Self(self.0.bind(value), PhantomData)
    }

    /// All rows.
    pub async fn fetch_all<'e>(self, on: impl Executor<'e>) -> Result<Vec<T>, DbError> {
        self.0.fetch_all(on).await?.iter().map(T::from_row).collect()
    }

    /// The first row, if there is one.
    pub async fn fetch_optional<'e>(self, on: impl Executor<'e>) -> Result<Option<T>, DbError> {
        self.0.fetch_optional(on).await?.as_ref().map(T::from_row).transpose()
    }

    /// The first row; an error if there is none.
    pub async fn fetch_one<'e>(self, on: impl Executor<'e>) -> Result<T, DbError> {
        T::from_row(&self.0.fetch_one(on).await?)
    }
}

/// See [`query_scalar`].
pub struct QueryScalar<T>(Query, PhantomData<fn() -> T>);

impl<T: for<'r> FromValue<'r>> QueryScalar<T> {
    /// The next parameter.
    #[must_use]
    pub fn bind(self, value: impl Into<Value>) -> Self {
        Self(self.0.bind(value), PhantomData)
    }

    /// The first column of all rows.
    pub async fn fetch_all<'e>(self, on: impl Executor<'e>) -> Result<Vec<T>, DbError> {
        self.0.fetch_all(on).await?.iter().map(|row| row.try_get(0)).collect()
    }

    /// The first column of the first row, if there is one.
    pub async fn fetch_optional<'e>(self, on: impl Executor<'e>) -> Result<Option<T>, DbError> {
        self.0.fetch_optional(on).await?.map(|row| row.try_get(0)).transpose()
    }

    /// The first column of the first row; an error if there is none.
    pub async fn fetch_one<'e>(self, on: impl Executor<'e>) -> Result<T, DbError> {
        self.0.fetch_one(on).await?.try_get(0)
    }
}
