//! What retention learns from the other services' events: when a record was committed and fetched, whom it concerns, that
//! it is being erased, and every line of the audit trail. All of it is derived: [`rebuild`] makes it anew by replay.

use std::sync::Arc;

use async_trait::async_trait;
use siegel_domain::{Party, RecordId, RetentionPolicy, TenantId, Timestamp};
use siegel_platform::clock::{ClockGuard, ClockState, SharedClock};
use siegel_platform::db::{self, DbError, Tx};
use siegel_platform::log::{HandleError, Handler};
use siegel_proto::events::v1::Event;
use siegel_proto::events::v1::event::Data;

use crate::app::App;
use crate::store::{audit, deadlines};

/// The name under which retention keeps its place in the logs.
pub const CONSUMER: &str = "retention";
/// The services it hears, itself among them: its own audit lines take the same way as everybody's.
pub const SOURCES: [&str; 4] = ["key-directory", "upload", "operator", "retention"];

/// Turns events into deadlines, parties and audit lines.
pub struct Derive {
    /// Says whether the wall clock is believed.
    pub guard: Arc<ClockGuard>,
    /// The platform's clock.
    pub clock: SharedClock,
}

impl Derive {
    /// When something happened that a deadline is computed from. The event was stamped by the wall clock, and says what the
    /// latest was that it may have been. Which of the two was true turns out later: the clock may be mended, or confirmed
    /// as it is. So the later one counts, and no year is shortened, whenever the event is heard; one that turns out to lie
    /// ahead is brought back to now as soon as the clock may be believed (see `expire`).
    fn happened(&self, event: &Event, latest_ms: i64) -> Timestamp {
        let latest = Timestamp(event.time_ms.max(latest_ms));
        match self.guard.check() {
            Ok(ClockState::Trusted) => latest.min(self.clock.now()),
            Ok(ClockState::Held { .. }) | Err(_) => latest,
        }
    }
}

#[async_trait]
impl Handler for Derive {
    async fn handle(&self, tx: &mut Tx<'_>, _: TenantId, event: &Event) -> Result<(), HandleError> {
        match &event.data {
            Some(Data::RecordCommitted(committed)) => {
                let record = record(&committed.record)?;
                let at = self.happened(event, committed.latest_ms);
                deadlines::start(tx, record, policy(&committed.policy)?, at).await?;
                deadlines::concern(tx, record, &[party(&committed.sender)?]).await?;
                deadlines::concern(tx, record, &parties(&committed.recipients)?).await?;
            }
            // C11: the year starts anew with each complete fetch.
            Some(Data::RecordFetched(fetched)) => {
                let (record, policy) = (record(&fetched.record)?, policy(&fetched.policy)?);
                deadlines::restart(tx, record, policy, self.happened(event, fetched.latest_ms)).await?;
            }
            Some(Data::GrantsAdded(added)) => {
                deadlines::concern(tx, record(&added.record)?, &parties(&added.recipients)?).await?;
            }
            Some(Data::RecordErasing(erasing)) => deadlines::stop(tx, record(&erasing.record)?).await?,
            Some(Data::RecordErased(erased)) => deadlines::stop(tx, record(&erased.record)?).await?,
            Some(Data::Audit(line)) => audit::append(tx, event, line).await?,
            _ => {}
        }
        Ok(())
    }
}

fn record(text: &str) -> Result<RecordId, HandleError> {
    text.parse().map_err(|_| HandleError::Poison("not a record's id"))
}

fn party(text: &str) -> Result<Party, HandleError> {
    text.parse().map_err(|_| HandleError::Poison("not a party's id"))
}

fn parties(texts: &[String]) -> Result<Vec<Party>, HandleError> {
    texts.iter().map(|text| party(text)).collect()
}

fn policy(text: &str) -> Result<RetentionPolicy, HandleError> {
    RetentionPolicy::parse(text).ok_or(HandleError::Poison("a retention policy of a later version"))
}

/// Makes what is derived for a tenant anew from the start of every log. Erasures and receipts stay: they are nobody's
/// copy. Deadlines that are there stay too, and are only ever moved later: one may rest on a better clock than its events.
pub async fn rebuild(app: &App, tenant: TenantId) -> Result<(), DbError> {
    let db = app.dbs.get(tenant).await?;
    db.tx("retention.rebuild", |tx| {
        Box::pin(async move {
            deadlines::forget_parties(tx).await?;
            audit::forget_all(tx).await?;
            db::query("DELETE FROM positions WHERE consumer = $1").bind(CONSUMER).execute(&mut **tx).await?;
            Ok::<_, DbError>(())
        })
    })
    .await?;
    app.consumer.sweep();
    Ok(())
}
