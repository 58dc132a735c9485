//! One part, to both zones. Each attempt writes under a name of its own that is never used again; the row written
//! afterwards says which attempt counts. So whatever comes late, twice or after a crash is an orphan, and never changes
//! what was acknowledged.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use bytes::Bytes;
use siegel_api::records::PartAck;
use siegel_api::tenants::Durability;
use siegel_domain::RecordId;
use siegel_domain::limits::PARTS_PER_RECORD;
use siegel_domain::upload::RecordState;
use siegel_envelope::PartDigest;
use siegel_platform::db::{Db, Tx};
use siegel_platform::log;
use siegel_platform::zones::{NAMES, ObjectName, PutOutcome, ZoneError};
use siegel_platform::{Problem, Reason};
use siegel_proto::events::v1::CopyMissing;
use siegel_proto::events::v1::event::Data;

use crate::access::{Actor, own_upload};
use crate::app::App;
use crate::busy::Doing;
use crate::error;
use crate::receive;
use crate::store::copies::{self, Actual};
use crate::store::parts::{self, PartRow};
use crate::store::records;

/// Takes part `number` of an open upload.
pub async fn put_part(
    app: &App,
    actor: &Actor,
    (record, number): (RecordId, u32),
    headers: &HeaderMap,
    body: Body,
) -> Result<PartAck, Problem> {
    let db = app.db(actor).await?;
    if let Some(early) = answer_unread(&db, actor, (record, number), headers).await.transpose() {
        if !headers.contains_key(EXPECT) {
            receive::drain(body).await; // who waits to be told to send is not told to: the part travels no second time
        }
        return early;
    }
    let received = receive::receive(app, actor, headers, body).await?;
    // Runs to its end whoever hangs up: what was written gets its row or is taken away again. Otherwise a line that
    // breaks here would leave bytes that erasing the record does not know of until the inventory finds them.
    let (app, actor) = (app.clone(), actor.clone());
    let tasks = app.ctx.tasks.clone();
    let running = tasks.spawn("upload.part", async move {
        let stored = store(&app, &actor, number, received.bytes.clone()).await?;
        let part = PartRow { number, digest: received.digest, sealed_bytes: received.bytes.len() as u32 };
        acknowledge(&app, &actor, &db, record, &part, stored).await
    });
    running.await.ok().flatten().unwrap_or_else(|| Err(Reason::Internal.into())) // it panicked, and was counted
}

/// What can be answered without the body: the part is here already, or can't come any more.
async fn answer_unread(
    db: &Db,
    actor: &Actor,
    (record, number): (RecordId, u32),
    headers: &HeaderMap,
) -> Result<Option<PartAck>, Problem> {
    let row = own_upload(db, actor, record).await?;
    if number as usize >= PARTS_PER_RECORD {
        return Err(Problem::invalid("number", "a record has at most 16384 parts, counted from 0"));
    }
    if row.state != RecordState::Open {
        return Err(error::wrong_state(row.state));
    }
    let named = receive::named_digest(headers)?;
    match parts::find(db.reader(), record, number).await? {
        Some(part) => same_part(db, record, part, named).await.map(Some),
        None => Ok(None),
    }
}

/// The acknowledgement of a part that is here, if it is the same one.
async fn same_part(db: &Db, record: RecordId, part: PartRow, named: PartDigest) -> Result<PartAck, Problem> {
    if part.digest != named {
        return Err(Reason::PartConflict.into());
    }
    let copies = copies::of_part(db.reader(), record, part.number).await?;
    Ok(ack(&part, copies.into_iter().filter(|copy| copy.is_good()).map(|copy| copy.zone).collect()))
}

/// An attempt that at least the zones needed hold.
pub struct Stored {
    object: ObjectName,
    outcome: PutOutcome,
    /// Tells the inventory that an object without a row may be about to get one.
    _in_flight: Option<Doing<ObjectName>>,
}

/// Writes bytes into both zones under a new name. With one zone lost, the tenant's setting decides.
pub async fn store(app: &App, actor: &Actor, number: u32, bytes: Bytes) -> Result<Stored, Problem> {
    let zones = &app.ctx.zones;
    let strict = actor.tenant.durability == Durability::Strict;
    if strict && let Some(zone) = zones.both().into_iter().find(|zone| !zone.admits_writes()) {
        return Err(error::zone(&ZoneError::CutOff, zone.name)); // known beforehand: not a byte is written
    }
    let object = ObjectName::part(&*app.ctx.rng, number);
    let in_flight = app.in_flight.begin(object.clone());
    let bucket = zones.bucket(actor.tenant_id());
    let outcome = zones.put_both(&bucket, &object, bytes).await;
    let held = outcome.held_by();
    if held.len() == NAMES.len() || (!strict && !held.is_empty()) {
        return Ok(Stored { object, outcome, _in_flight: in_flight });
    }
    for zone in held {
        discard(app, actor, zone, &object).await;
    }
    Err(refusal(&outcome))
}

/// "Full" is said only if room is what is missing; if one zone is merely down, waiting may help.
fn refusal(outcome: &PutOutcome) -> Problem {
    let named = NAMES.into_iter().zip([&outcome.a, &outcome.b]);
    let failures: Vec<_> = named.filter_map(|(zone, result)| Some((zone, result.as_ref().err()?))).collect();
    let full = |failure: &&(&str, &ZoneError)| matches!(failure.1, ZoneError::Full(_));
    match failures.iter().find(|failure| !full(failure)).or(failures.first()) {
        Some((zone, failure)) => error::zone(failure, zone),
        None => Reason::ZoneUnavailable.into(),
    }
}

/// Writes the row that makes the attempt count. If another attempt was first, or the upload takes no more parts, this one
/// is taken away again; if nobody knows whether the row was written, it is left to the inventory.
async fn acknowledge(
    app: &App,
    actor: &Actor,
    db: &Db,
    record: RecordId,
    part: &PartRow,
    stored: Stored,
) -> Result<PartAck, Problem> {
    let copy = &stored;
    let fate = db.tx_by_row("upload.part", |tx| {
        Box::pin(async move {
            // The record's row first: it is held until the end, so that no commit and no sweep begins in between.
            if !records::touch(tx, record, app.ctx.clock.now()).await? {
                let row = records::find(&mut **tx, record).await?.ok_or_else(error::not_found)?;
                return Ok(Fate::Closed(row.state));
            }
            if !parts::insert(tx, record, part).await? {
                return Ok(Fate::Second);
            }
            insert_copies(app, actor, tx, record, part.number, copy).await?;
            Ok::<_, Problem>(Fate::Counts)
        })
    });
    let fate = match fate.await {
        Err(problem) if surely_undone(&problem) => {
            stored.discard(app, actor, db).await;
            return Err(problem);
        }
        // The row may be there all the same; then what a zone lacks is looked for now and not in the next round over all.
        fate => fate.inspect_err(|_| app.noticed(actor.tenant_id(), &stored.outcome))?,
    };
    match fate {
        Fate::Counts => {
            app.noticed(actor.tenant_id(), &stored.outcome);
            Ok(ack(part, stored.outcome.held_by().into_iter().map(str::to_owned).collect()))
        }
        Fate::Second => {
            stored.discard(app, actor, db).await;
            let winner = parts::find(db.reader(), record, part.number).await?.ok_or(Reason::Conflict)?;
            same_part(db, record, winner, part.digest).await
        }
        Fate::Closed(state) => {
            stored.discard(app, actor, db).await;
            Err(error::wrong_state(state))
        }
    }
}

/// What became of an attempt, for certain: a transaction that fails may have counted nevertheless.
enum Fate {
    /// It is the part.
    Counts,
    /// Another attempt was first.
    Second,
    /// The upload takes no more parts.
    Closed(RecordState),
}

/// Whether a transaction that failed surely did nothing: no room, no connection, or refused for another's sake until it was not
/// tried again. Other failures may come after the commit.
pub fn surely_undone(problem: &Problem) -> bool {
    matches!(problem.reason(), Reason::StorageFull | Reason::OverCapacity)
}

/// Rows for both zones' copies of a part. What one zone lacks is said in an event and is first in line for repair.
pub async fn insert_copies(
    app: &App,
    actor: &Actor,
    tx: &mut Tx<'_>,
    record: RecordId,
    number: u32,
    stored: &Stored,
) -> Result<(), Problem> {
    let now = app.ctx.clock.now();
    for (zone, result) in NAMES.into_iter().zip([&stored.outcome.a, &stored.outcome.b]) {
        let actual = if result.is_ok() { Actual::Held } else { Actual::Lost };
        copies::insert(tx, (record, number), zone, &stored.object, actual, now).await?;
        if actual == Actual::Lost {
            let missing = CopyMissing { record: record.to_string(), zone: zone.to_owned(), reason: "lost".to_owned() };
            log::emit(tx, app.source.event(actor.tenant_id(), record, Data::CopyMissing(missing))).await?;
        }
    }
    Ok(())
}

impl Stored {
    /// What each zone made of it.
    pub fn outcome(&self) -> &PutOutcome {
        &self.outcome
    }

    /// Takes an attempt away that will never count. One that a row names does count: its transaction was tried again after
    /// a commit that had gone well.
    pub async fn discard(self, app: &App, actor: &Actor, db: &Db) {
        for zone in self.outcome.held_by() {
            if matches!(copies::knows(db.reader(), zone, &self.object).await, Ok(false)) {
                discard(app, actor, zone, &self.object).await;
            }
        }
    }
}

/// Deletes an object that no row will ever name. If that fails, the inventory does it later.
async fn discard(app: &App, actor: &Actor, zone: &'static str, object: &ObjectName) {
    let zones = &app.ctx.zones;
    let Some(zone) = zones.by_name(zone) else { return };
    if let Err(failure) = zone.delete(&zones.bucket(actor.tenant_id()), object).await {
        tracing::debug!(zone = zone.name, reason = failure.word(), "an orphan is left to the inventory");
    }
}

fn ack(part: &PartRow, zones: Vec<String>) -> PartAck {
    PartAck {
        number: part.number,
        digest: siegel_api::Bytes(part.digest.as_bytes().to_vec()),
        sealed_bytes: u64::from(part.sealed_bytes),
        zones,
    }
}
