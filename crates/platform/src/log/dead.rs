//! Dead letters: events that a consumer could not make sense of. They stand in the consumer's own database of the tenant,
//! written in the transaction that passed them by, until somebody has them handled anew. With Kafka the relay copies them.

use prost::Message as _;
use siegel_domain::{TenantId, Timestamp};
use siegel_proto::events::v1::Event;

use super::consumer::Consumer;
use super::feed::{LogError, Stored};
use crate::db::{self, Db, DbError, Row, Tx};
use crate::provider;
use crate::tenants::Tenants;

/// Letters handled anew in one transaction.
const BATCH: u32 = 50;
/// Tenants looked after in one run.
const TENANTS: u32 = 20;
/// Letters listed of a tenant.
const LISTED: u32 = 1_000;

/// One letter.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Who could not make sense of it.
    pub consumer: String,
    /// Whose event it is.
    pub source: String,
    /// Where it stands in the source's outbox.
    pub position: i64,
    /// Why, a constant of the consumer's code.
    pub reason: String,
    /// When it was put aside.
    pub parked: Timestamp,
    /// Whether somebody has asked to have it handled anew, and it was not yet.
    pub redriven: bool,
    /// The event. Ids and times only, as all events.
    pub event: Event,
}

/// What [`letter`] reads.
macro_rules! select_letters {
    ($which:literal) => {
        concat!("SELECT consumer, source, position, reason, parked_ms, redrive_ms, data FROM dead_letters ", $which)
    };
}

fn letter(row: &Row) -> Result<DeadLetter, DbError> {
    let data: Vec<u8> = row.try_get("data")?;
    let redrive: Option<i64> = row.try_get("redrive_ms")?;
    Ok(DeadLetter {
        consumer: row.try_get("consumer")?,
        source: row.try_get("source")?,
        position: row.try_get("position")?,
        reason: row.try_get("reason")?,
        parked: Timestamp(row.try_get("parked_ms")?),
        redriven: redrive.is_some(),
        event: Event::decode(&*data).map_err(|_| DbError::corrupt("dead_letters", "data", "?"))?,
    })
}

/// A tenant's letters in a consumer's database, the oldest first.
pub async fn dead_letters(db: &Db) -> Result<Vec<DeadLetter>, DbError> {
    let rows = db::query(select_letters!("ORDER BY parked_ms, consumer, source, position LIMIT $1"));
    rows.bind(LISTED).fetch_all(db.reader()).await?.iter().map(letter).collect()
}

/// Whether there are letters that Kafka has no copy of.
#[cfg(feature = "real")]
pub(super) async fn is_any_uncopied(db: &Db) -> Result<bool, DbError> {
    let one = db::query("SELECT 1 FROM dead_letters WHERE copied = 0 LIMIT 1").fetch_optional(db.reader()).await?;
    Ok(one.is_some())
}

/// Letters that Kafka has no copy of, the oldest first.
#[cfg(feature = "real")]
pub(super) async fn uncopied(db: &Db, most: u32) -> Result<Vec<DeadLetter>, DbError> {
    let rows = db::query(select_letters!("WHERE copied = 0 ORDER BY parked_ms, consumer, source, position LIMIT $1"));
    rows.bind(most).fetch_all(db.reader()).await?.iter().map(letter).collect()
}

/// Kafka has these; not those that were put aside once more meanwhile.
#[cfg(feature = "real")]
pub(super) async fn copied(db: &Db, letters: &[DeadLetter]) -> Result<(), DbError> {
    let mark = async |tx: &mut Tx<'_>| {
        for letter in letters {
            db::query(
                "UPDATE dead_letters SET copied = 1
                 WHERE consumer = $1 AND source = $2 AND position = $3 AND parked_ms = $4",
            )
            .bind(&letter.consumer)
            .bind(&letter.source)
            .bind(letter.position)
            .bind(letter.parked.0)
            .execute(&mut **tx)
            .await?;
        }
        Ok(())
    };
    db.tx("log.letters.copied", |tx| Box::pin(mark(tx))).await
}

/// Asks the running consumer to handle a letter anew: marks it, and wakes the consumer. False: there is no such letter.
pub async fn redrive(
    db: &Db,
    provider: &Db,
    tenant: TenantId,
    letter: &DeadLetter,
    now: Timestamp,
) -> Result<bool, DbError> {
    let marked = db
        .tx("log.redrive.mark", |tx| {
            Box::pin(async move {
                db::query(
                    "UPDATE dead_letters SET redrive_ms = $1 WHERE consumer = $2 AND source = $3 AND position = $4",
                )
                .bind(now.0)
                .bind(&letter.consumer)
                .bind(&letter.source)
                .bind(letter.position)
                .execute(&mut **tx)
                .await
            })
        })
        .await?;
    let service = wake_name(&letter.consumer);
    let service = &service;
    provider
        .tx("log.redrive.wake", |tx| Box::pin(async move { provider::wake_at(tx, tenant, service, now).await }))
        .await?;
    Ok(marked.rows_affected() == 1)
}

/// Under which name a consumer is woken for its dead letters.
fn wake_name(consumer: &str) -> String {
    format!("{consumer}/dead-letters")
}

impl Consumer {
    /// Handles anew what somebody asked for, of every tenant that somebody named. Returns how many letters are done with.
    pub(super) async fn redrive_due(&self, tenants: &Tenants) -> Result<usize, LogError> {
        let (provider, service, now) = (tenants.db(), wake_name(self.name()), self.now());
        let mut done = 0;
        for tenant in provider::due(provider, &service, now, TENANTS).await? {
            let handled = match self.redrive_tenant(tenant).await {
                Ok(handled) => handled,
                Err(LogError::Db(DbError::NoSuchTenant)) => 0, // given up meanwhile
                Err(error) => {
                    tracing::warn!(consumer = self.name(), %tenant, %error, "dead letters wait");
                    continue;
                }
            };
            done += handled;
            let service = &service;
            provider
                .tx("log.redrive.woken", |tx| Box::pin(async move { provider::woken(tx, tenant, service, now).await }))
                .await?;
        }
        Ok(done)
    }

    async fn redrive_tenant(&self, tenant: TenantId) -> Result<usize, LogError> {
        let db = self.database(tenant).await?;
        let (mut done, mut more) = (0, true);
        while more {
            let handled =
                db.tx("log.redrive", |tx| Box::pin(async move { self.redrive_batch(tx, tenant).await })).await?;
            done += handled;
            more = handled >= BATCH as usize;
        }
        Ok(done)
    }

    async fn redrive_batch(&self, tx: &mut Tx<'_>, tenant: TenantId) -> Result<usize, DbError> {
        let rows = db::query(select_letters!(
            "WHERE consumer = $1 AND redrive_ms IS NOT NULL ORDER BY source, position LIMIT $2"
        ))
        .bind(self.name())
        .bind(BATCH)
        .fetch_all(&mut **tx)
        .await?;
        let mut letters = Vec::with_capacity(rows.len());
        for row in &rows {
            letters.push(letter(row)?);
        }
        for letter in &letters {
            let stored = Stored { position: letter.position, event: letter.event.clone() };
            // It stands there no longer, unless it is put aside once more.
            db::query("DELETE FROM dead_letters WHERE consumer = $1 AND source = $2 AND position = $3")
                .bind(self.name())
                .bind(&letter.source)
                .bind(letter.position)
                .execute(&mut **tx)
                .await?;
            self.apply(tx, &letter.source, tenant, &stored).await?;
        }
        Ok(letters.len())
    }

    /// Puts an event aside, in the transaction that passes it by.
    pub(super) async fn park(
        &self,
        tx: &mut Tx<'_>,
        source: &str,
        stored: &Stored,
        reason: &'static str,
    ) -> Result<(), DbError> {
        db::query(
            "INSERT INTO dead_letters (consumer, source, position, event_id, type, reason, parked_ms, data)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(self.name())
        .bind(source)
        .bind(stored.position)
        .bind(&stored.event.id)
        .bind(&stored.event.r#type)
        .bind(reason)
        .bind(self.now().0)
        .bind(stored.event.encode_to_vec())
        .execute(&mut **tx)
        .await?;
        // The relay, who copies it.
        tx.wake_after_commit();
        Ok(())
    }
}
