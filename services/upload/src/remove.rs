//! Takes the objects of a record away in both zones and looks again, object by object. Only after a state was committed
//! that nothing comes back from: `sweeping` or `erasing`. What a zone that is away still holds is left for the next call.

use futures::stream::{self, StreamExt};
use siegel_domain::{RecordId, TenantId};
use siegel_platform::Problem;
use siegel_platform::db::Db;
use siegel_platform::zones::{Bucket, Deletion, ZoneError};

use crate::app::App;
use crate::store::copies::{self, CopyRow};

/// Objects of one transaction.
const BATCH: u32 = 64;
/// Deletions at once.
const AT_ONCE: usize = 8;

/// Deletes what should go. Returns the zones that did not do it; none means that every object was seen to be absent.
pub async fn remove(app: &App, db: &Db, tenant: TenantId, record: RecordId) -> Result<Vec<String>, Problem> {
    let bucket = &app.ctx.zones.bucket(tenant);
    let mut away: Vec<String> = Vec::new();
    loop {
        let batch = copies::to_remove(db.reader(), record, &away, BATCH).await?;
        if batch.is_empty() {
            return Ok(away);
        }
        let deletions: Vec<_> = batch.iter().map(|copy| delete(app, bucket, copy)).collect();
        let done: Vec<_> = stream::iter(deletions).buffered(AT_ONCE).collect().await;
        let mut gone = Vec::new();
        for (copy, result) in batch.iter().zip(done) {
            match result {
                Ok(deletion) => gone.push((copy, deletion)),
                Err(failure) if !away.contains(&copy.zone) => {
                    let zone = copy.zone.clone();
                    tracing::warn!(%tenant, %record, zone, reason = failure.word(), "a zone's objects wait to be deleted");
                    away.push(zone);
                }
                Err(_) => {}
            }
        }
        note_gone(db, &gone).await?;
    }
}

/// Deletes one object and looks again.
pub async fn delete(app: &App, bucket: &Bucket, copy: &CopyRow) -> Result<Deletion, ZoneError> {
    // A zone that no longer exists here: it stays to be done until it is given up by hand.
    let zone = app.ctx.zones.by_name(&copy.zone).ok_or(ZoneError::CutOff)?;
    zone.delete(bucket, &copy.object).await
}

/// Writes down what was seen to be absent.
pub async fn note_gone(db: &Db, gone: &[(&CopyRow, Deletion)]) -> Result<(), Problem> {
    if gone.is_empty() {
        return Ok(());
    }
    db.tx("copies.gone", |tx| {
        Box::pin(async move {
            for (copy, deletion) in gone {
                copies::removed(tx, &copy.zone, &copy.object, *deletion).await?;
            }
            Ok::<_, Problem>(())
        })
    })
    .await
}
