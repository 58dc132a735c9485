//! The platform's own books, read past it: what it says of itself is compared with what the disks hold.

use anyhow::{Context as _, Result};
use siegel_client::domain::RecordId;
use siegel_envelope::PartDigest;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use crate::place::Place;

/// A database of an institution.
pub struct Book(SqliteConnection);

impl Book {
    /// `upload`, `retention` or `keys`. Services make theirs when they first need it: none is an empty one.
    pub async fn open(place: &Place, tenant: usize, service: &str) -> Result<Option<Self>> {
        let directory = place.state().join("tenants").join(place.houses[tenant].tenant.to_string());
        let file = directory.join(format!("{service}.db"));
        if !file.exists() {
            return Ok(None);
        }
        let options = SqliteConnectOptions::new().filename(file);
        let connection = options.pragma("query_only", "ON").disable_statement_logging().connect().await;
        let mut book = Self(connection.with_context(|| format!("open {service}.db"))?);
        // Its tables are made in one go, the outbox or the keys among them; a process may have died before.
        Ok(if book.has("outbox").await? || book.has("shred_keys").await? { Some(book) } else { None })
    }

    /// All rows of a query.
    pub async fn rows(&mut self, query: &'static str) -> Result<Vec<SqliteRow>> {
        sqlx::query(query).fetch_all(&mut self.0).await.context(query)
    }

    /// Whether it has this table: a process may have died before it made it.
    pub async fn has(&mut self, table: &str) -> Result<bool> {
        let query = "SELECT count(*) FROM sqlite_master WHERE name = $1";
        let found: i64 = sqlx::query_scalar(query).bind(table).fetch_one(&mut self.0).await?;
        Ok(found > 0)
    }

    /// A single number.
    pub async fn count(&mut self, query: &'static str) -> Result<i64> {
        Ok(self.rows(query).await?.first().context("a number")?.try_get(0)?)
    }

    /// The first columns of a query's rows, as text.
    pub async fn texts(&mut self, query: &'static str) -> Result<Vec<String>> {
        self.rows(query).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The digests of a record's parts, in order.
    pub async fn parts(&mut self, record: RecordId) -> Result<Vec<PartDigest>> {
        let query = "SELECT digest FROM parts WHERE record = $1 ORDER BY number";
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(query).bind(record.to_string()).fetch_all(&mut self.0).await?;
        rows.iter().map(|digest| PartDigest::from_slice(digest).context("a digest has 32 bytes")).collect()
    }

    /// Closes it, so that the next process finds nobody reading.
    pub async fn close(self) -> Result<()> {
        Ok(self.0.close().await?)
    }
}
