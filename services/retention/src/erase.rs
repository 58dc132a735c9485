//! Erases at once and for good (M06). A job holds records; each goes through `upload` (state `erasing`, shred key, objects
//! in both zones, absence, tombstone), which may be asked again as often as needed; then its receipt is signed and kept.
//! A zone that is away holds the end up, never the start, and the job says so. Workers hold records by leases: one that
//! is killed gives its work back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use siegel_api::retention::EraseTarget;
use siegel_domain::{JobId, Party, ReceiptId, TenantId};
use siegel_platform::Problem;
use siegel_platform::db::{Db, DbError};
use siegel_platform::log::{audit, emit};
use siegel_platform::peer::ask;
use siegel_proto::events::v1::ReceiptIssued;
use siegel_proto::events::v1::event::Data;
use siegel_proto::upload::v1::{
    EraseConversationRequest, EraseRecordRequest, EraseRecordResponse, ListConversationRecordsRequest,
};
use tokio::sync::Notify;

use crate::app::App;
use crate::receipt;
use crate::store::deadlines;
use crate::store::erasures::{self, Held, Job, NewErasure, SLOWEST_MS};
use crate::store::receipts::{self, NewReceipt};

/// Records held at once.
const BATCH: u32 = 8;
/// Records of a conversation that are listed in one call.
const LIST: u32 = 200;
/// How long one call to upload may take. Deleting 32,768 objects, each synced, takes minutes: upload goes on when the call is
/// given up, says "conflict" to whoever asks meanwhile, and answers the first call after its end with all that it saw.
const CALL_MS: i64 = 30_000;
/// The pause after the first attempt that did not finish; doubles up to [`SLOWEST_MS`].
const FIRST_PAUSE_MS: i64 = 1_000;
/// What a job waits for when the service does not answer.
const UPLOAD: &str = "upload";

/// The tenants in which something is being erased, and when each is looked at next, on the monotonic clock. In memory:
/// after a restart the sweep finds them.
#[derive(Default)]
pub struct Erasing {
    next_ms: Mutex<HashMap<TenantId, i64>>,
    /// Wakes the worker.
    pub wake: Arc<Notify>,
}

impl Erasing {
    /// Something is to be erased at once.
    pub fn wake(&self, tenant: TenantId) {
        self.lock().insert(tenant, i64::MIN);
        self.wake.notify_one();
    }

    fn due(&self, now_ms: i64) -> Vec<TenantId> {
        self.lock().iter().filter(|(_, next_ms)| **next_ms <= now_ms).map(|(tenant, _)| *tenant).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, i64>> {
        self.next_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins an erasure, or finds the one that does the same.
pub async fn begin(app: &App, tenant: TenantId, new: NewErasure) -> Result<JobId, Problem> {
    let db = app.dbs.get(tenant).await?;
    let device = new.device.parse().ok();
    let object: &dyn std::fmt::Display = match &new.target {
        EraseTarget::Record(record) => record,
        EraseTarget::Conversation(conversation) => conversation,
    };
    let entry = app.source.audit(tenant, &new.actor, device, "erasure.request", object);
    let (new, entry) = (&new, &entry);
    let job = db
        .tx("retention.erase", |tx| {
            Box::pin(async move {
                if let Some(job) = erasures::existing(tx, &new.target).await? {
                    return Ok::<_, DbError>(job);
                }
                erasures::begin(tx, new).await?;
                audit(tx, entry.clone()).await?;
                Ok(new.id)
            })
        })
        .await?;
    app.erasing.wake(tenant);
    Ok(job)
}

/// A run of the worker, over the tenants in which something is being erased. Returns how many steps forward it made.
pub async fn run_once(app: &App) -> Result<usize, DbError> {
    let mut steps = 0;
    for tenant in app.erasing.due(app.ctx.clock.monotonic_ms()) {
        match run_tenant(app, tenant).await {
            Ok(done) => steps += done,
            Err(DbError::NoSuchTenant) => {
                app.erasing.lock().remove(&tenant);
            }
            Err(error) => {
                tracing::error!(%tenant, %error, "erasing waits for the database");
                app.erasing.lock().insert(tenant, app.ctx.clock.monotonic_ms() + FIRST_PAUSE_MS);
            }
        }
    }
    Ok(steps)
}

/// Goes on with a tenant's erasures: lists conversations, erases a batch of records, ends what is complete. Returns how
/// many records were erased and jobs ended.
#[tracing::instrument(skip_all, fields(%tenant))]
pub async fn run_tenant(app: &App, tenant: TenantId) -> Result<usize, DbError> {
    // Whoever asks for an erasure from now on is seen by the next run, not lost to this one's end.
    app.erasing.lock().insert(tenant, app.ctx.clock.monotonic_ms() + FIRST_PAUSE_MS);
    let db = app.dbs.get(tenant).await?;
    for job in erasures::unlisted(&db).await? {
        list(app, tenant, &db, &job).await?;
    }
    let lease = JobId::from_bytes(app.ctx.rng.bytes()).to_string();
    let (lease, now) = (lease.as_str(), app.ctx.clock.now());
    let held =
        db.tx("retention.hold", |tx| Box::pin(async move { erasures::hold(tx, lease, now, BATCH).await })).await?;
    let mut erased = 0;
    for held in &held {
        match ask_upload(app, tenant, held).await {
            Ok(answer) => {
                erased += usize::from(complete(app, tenant, &db, held, lease, answer).await?);
            }
            Err(waiting_for) => wait(app, &db, held, lease, &waiting_for).await?,
        }
    }
    let now = app.ctx.clock.now();
    let ended = db.tx("retention.finish", |tx| Box::pin(async move { erasures::finish(tx, now).await })).await?;
    if !erasures::any_running(&db).await? {
        app.erasing.lock().remove(&tenant);
    } else if erased > 0 {
        app.erasing.wake(tenant); // there may be more
    }
    Ok(erased + usize::try_from(ended).unwrap_or(usize::MAX))
}

/// Closes a conversation, so that no record joins it any more, and takes all its records into the erasure.
async fn list(app: &App, tenant: TenantId, db: &Db, job: &Job) -> Result<(), DbError> {
    let EraseTarget::Conversation(conversation) = job.target else { return Ok(()) };
    let (tenant, conversation) = (tenant.to_string(), conversation.to_string());
    let mut upload = app.upload.clone();
    let close = EraseConversationRequest {
        tenant: tenant.clone(),
        conversation: conversation.clone(),
        actor: job.actor.clone(),
        device: job.device.clone(),
    };
    if !matches!(ask(&app.ctx.clock, CALL_MS, upload.erase_conversation(close)).await, Some(Ok(_))) {
        return wait_job(db, job.id, UPLOAD).await;
    }
    loop {
        let after = erasures::last_listed(db, job.id).await?.map(|record| record.to_string()).unwrap_or_default();
        let request = ListConversationRecordsRequest {
            tenant: tenant.clone(),
            conversation: conversation.clone(),
            after,
            limit: LIST,
        };
        let Some(Ok(answer)) = ask(&app.ctx.clock, CALL_MS, upload.list_conversation_records(request)).await else {
            return wait_job(db, job.id, UPLOAD).await;
        };
        let records: Vec<_> = answer.into_inner().records.iter().filter_map(|record| record.parse().ok()).collect();
        let (last, job, records) = (records.is_empty(), job.id, &records);
        db.tx("retention.list", |tx| {
            Box::pin(async move {
                erasures::add_records(tx, job, records).await?;
                if last { erasures::listed(tx, job).await } else { Ok(()) }
            })
        })
        .await?;
        if last {
            return Ok(());
        }
    }
}

async fn wait_job(db: &Db, job: JobId, waiting_for: &str) -> Result<(), DbError> {
    db.tx("retention.wait", |tx| Box::pin(async move { erasures::job_waits(tx, job, waiting_for).await })).await
}

/// Lets upload erase. An answer that is not the end is what it waits for.
async fn ask_upload(app: &App, tenant: TenantId, held: &Held) -> Result<EraseRecordResponse, String> {
    let request = EraseRecordRequest {
        tenant: tenant.to_string(),
        record: held.record.to_string(),
        actor: held.job.actor.clone(),
        device: held.job.device.clone(),
        cause: held.job.cause.as_str().to_owned(),
    };
    match ask(&app.ctx.clock, CALL_MS, app.upload.clone().erase_record(request)).await {
        Some(Ok(answer)) => {
            let answer = answer.into_inner();
            match (answer.done, answer.waiting_for.is_empty()) {
                (true, _) => Ok(answer),
                (false, false) => Err(answer.waiting_for.join(", ")),
                (false, true) => Err(UPLOAD.to_owned()),
            }
        }
        Some(Err(status)) => {
            tracing::warn!(record = %held.record, code = ?status.code(), "upload could not erase; it is tried again");
            Err(UPLOAD.to_owned())
        }
        None => Err(UPLOAD.to_owned()),
    }
}

async fn wait(app: &App, db: &Db, held: &Held, lease: &str, waiting_for: &str) -> Result<(), DbError> {
    let pause_ms = (FIRST_PAUSE_MS << held.attempts.clamp(0, 16)).min(SLOWEST_MS);
    let next = app.ctx.clock.now().plus_ms(pause_ms);
    db.tx("retention.give_back", |tx| {
        Box::pin(async move { erasures::give_back(tx, held, lease, next, waiting_for).await })
    })
    .await
}

/// Signs and keeps the receipt, and tells whom it concerns. False: upload said that all is done and did not say what it
/// saw. Nothing may be signed for that, so it is asked again.
async fn complete(
    app: &App,
    tenant: TenantId,
    db: &Db,
    held: &Held,
    lease: &str,
    answer: EraseRecordResponse,
) -> Result<bool, DbError> {
    let now = app.ctx.clock.now();
    let id = ReceiptId::from_bytes(app.ctx.rng.bytes());
    let Some(signed) = receipt::sign(app, tenant, id, held, &answer) else {
        tracing::error!(record = %held.record, "upload's account of an erasure is not complete");
        wait(app, db, held, lease, UPLOAD).await?;
        return Ok(false);
    };
    let named = [answer.sender].into_iter().chain(answer.recipients);
    let named: Vec<Party> = named.filter_map(|party| party.parse().ok()).collect();
    let (named, signed) = (&named, &signed);
    db.tx("retention.receipt", |tx| {
        Box::pin(async move {
            let mut parties = deadlines::take_parties(tx, held.record).await?;
            parties.extend(named);
            let new = NewReceipt { id, record: held.record, created: now, bytes: signed.clone(), parties };
            let (kept, is_new) = receipts::keep(tx, &new).await?;
            erasures::record_done(tx, held, kept).await?;
            deadlines::stop(tx, held.record).await?;
            if is_new {
                let event = app.source.event(tenant, held.record, issued(&new, named.first().copied()));
                emit(tx, event).await?;
                audit(tx, app.source.audit(tenant, "platform", None, "receipt.issue", kept)).await?;
            }
            Ok::<_, DbError>(true)
        })
    })
    .await
}

fn issued(new: &NewReceipt, sender: Option<Party>) -> Data {
    Data::ReceiptIssued(ReceiptIssued {
        receipt: new.id.to_string(),
        kind: receipts::ERASE.to_owned(),
        record: new.record.to_string(),
        sender: sender.map(|party| party.to_string()).unwrap_or_default(),
        recipients: new.parties.iter().map(ToString::to_string).collect(),
    })
}
