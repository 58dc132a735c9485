//! One record, with everything its recipient needs to open it but the parts. Reading is written into the audit trail, and
//! what can't be written there is not shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use siegel_api::Bytes;
use siegel_api::records::{GrantItem, Record};
use siegel_domain::time::MINUTE_MS;
use siegel_domain::{Party, RecordId, SessionId, TenantId};
use siegel_platform::Problem;
use siegel_platform::db::Db;
use siegel_platform::log;
use siegel_platform::peer::ask;
use siegel_proto::retention::v1::GetDeadlinesRequest;

use crate::access::{Actor, readable};
use crate::app::App;
use crate::error;
use crate::store::records::RecordRow;
use crate::store::{grants, parties, records};

/// Grants for one party that are given at once; a record that was passed on more often has newer ones first.
const GRANTS: u32 = 20;
/// How long retention may take to say when records fall due.
const DEADLINES_MS: i64 = 1_000;

/// The record, for the one who asks.
pub async fn read(app: &App, actor: &Actor, record: RecordId) -> Result<Record, Problem> {
    let db = app.db(actor).await?;
    let (row, _) = readable(&db, actor, record).await?;
    let mut shown = show(app, actor, &db, std::slice::from_ref(&row)).await?;
    let mut shown = shown.pop().ok_or_else(error::not_found)?;
    shown.manifest = Bytes(records::manifest(db.reader(), record).await?.ok_or_else(error::not_found)?);
    audit_read(app, actor, &db, "record.read", record).await?;
    Ok(shown)
}

/// Rows as the API shows them to the actor, without manifests.
pub async fn show(app: &App, actor: &Actor, db: &Db, rows: &[RecordRow]) -> Result<Vec<Record>, Problem> {
    let due = deadlines(app, actor.tenant_id(), rows).await;
    let mut confirmed: BTreeMap<Party, bool> = BTreeMap::new();
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(sender), Some(committed)) = (row.sender, row.committed) else { continue };
        let sender_confirmed = match confirmed.get(&sender) {
            Some(known) => *known,
            None => app.directory.party(actor.tenant_id(), sender).await?.is_some_and(|known| known.confirmed),
        };
        confirmed.insert(sender, sender_confirmed);
        let (sealed_metadata, grants) = opened(app, actor, db, row.id).await?;
        shown.push(Record {
            id: row.id,
            kind: row.kind,
            sender,
            conversation: row.conversation,
            answers: row.answers,
            return_report: row.return_report,
            sealed_bytes: row.sealed_bytes,
            committed_ms: committed.0,
            expires_ms: due.get(&row.id).copied(),
            fetched: parties::fetches(db.reader(), row.id, &actor.principal.to_string()).await?,
            manifest: Bytes(Vec::new()),
            sealed_metadata,
            grants,
            sender_confirmed,
        });
    }
    Ok(shown)
}

/// Metadata and the actor's grants, out of the second layer.
async fn opened(app: &App, actor: &Actor, db: &Db, record: RecordId) -> Result<(Bytes, Vec<GrantItem>), Problem> {
    let id = record.to_string();
    // No key: it was shredded a moment ago.
    let shred_key = app.shred_keys.get(actor.tenant_id(), &id).await?.ok_or_else(error::not_found)?;
    let sealed = records::metadata(db.reader(), record).await?.ok_or_else(error::not_found)?;
    let metadata = shred_key.open(("records", &id, "metadata"), &sealed)?;
    let mut items = Vec::new();
    for &recipient in &actor.reads_as {
        for grant in grants::of_recipient(db.reader(), record, recipient, GRANTS).await? {
            let bytes = shred_key.open(("grants", &format!("{id}/{}", grant.digest), "sealed"), &grant.sealed)?;
            items.push(GrantItem { recipient, grant: Bytes(bytes) });
        }
    }
    Ok((Bytes(metadata), items))
}

/// When records fall due, as retention says. A list without deadlines is better than none.
async fn deadlines(app: &App, tenant: TenantId, rows: &[RecordRow]) -> HashMap<RecordId, i64> {
    let request = GetDeadlinesRequest {
        tenant: tenant.to_string(),
        records: rows.iter().map(|row| row.id.to_string()).collect(),
    };
    let mut client = app.retention.clone();
    match ask(&app.ctx.clock, DEADLINES_MS, client.get_deadlines(request)).await {
        Some(Ok(answer)) => {
            let due = answer.into_inner().deadlines.into_iter();
            due.filter_map(|deadline| Some((deadline.record.parse().ok()?, deadline.due_ms))).collect()
        }
        Some(Err(status)) => {
            tracing::warn!(code = ?status.code(), "retention does not say when records fall due");
            HashMap::new()
        }
        None => {
            tracing::warn!("retention does not say in time when records fall due");
            HashMap::new()
        }
    }
}

/// Writes a read into the audit trail.
pub async fn audit_read(
    app: &App,
    actor: &Actor,
    db: &Db,
    action: &'static str,
    object: impl std::fmt::Display + Send + Sync,
) -> Result<(), Problem> {
    let object = &object;
    db.tx("record.audit-read", |tx| {
        Box::pin(async move {
            let entry = app.source.audit_by(actor.tenant_id(), actor.who(), action, object);
            Ok::<_, Problem>(log::audit(tx, entry).await?)
        })
    })
    .await
}

/// Downloads that were written into the audit trail a moment ago: a download of a thousand parts is one line, not a
/// thousand, and a range does not wait for the disk.
#[derive(Default)]
pub struct Downloads(Mutex<HashMap<(SessionId, RecordId), i64>>);

/// A download that goes on longer than this is written down again.
const DOWNLOAD_MS: i64 = 5 * MINUTE_MS;
/// Most downloads remembered.
const DOWNLOADS: usize = 10_000;

impl Downloads {
    /// Whether this download has to be written down now.
    pub fn is_new(&self, session: SessionId, record: RecordId, now_ms: i64) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(session, record)).is_none_or(|since| now_ms - since >= DOWNLOAD_MS)
    }

    /// It was written down.
    pub fn written(&self, session: SessionId, record: RecordId, now_ms: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= DOWNLOADS {
            known.retain(|_, since| now_ms - *since < DOWNLOAD_MS);
            if known.len() >= DOWNLOADS {
                known.clear(); // costs some lines more in the trail, never one less
            }
        }
        known.insert((session, record), now_ms);
    }
}
