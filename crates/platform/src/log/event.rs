//! Making events and writing them into the outbox.

use std::fmt::Display;
use std::sync::Arc;

use prost::Message;
use siegel_domain::{DeviceId, EventId, Principal, TenantId};
use siegel_proto::events::v1::event::Data;
use siegel_proto::events::v1::{Audit, Event};

use crate::clock::SharedClock;
use crate::db::{self, DbError, Engine, Tx};
use crate::peer::SERVICES;
use crate::rng::Rng;
use crate::telemetry;

/// Where a service's events come from. One for each service; stamps ids, time and trace context.
#[derive(Clone)]
pub struct EventSource {
    name: &'static str,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
}

impl EventSource {
    /// `name` as CloudEvents has it, `/siegel/<service>`.
    pub fn new(name: &'static str, clock: SharedClock, rng: Arc<dyn Rng>) -> Self {
        Self { name, clock, rng }
    }

    /// An event of `tenant` about `subject` (an id), of this moment.
    ///
    /// # Panics
    /// In debug builds, if it is not for this service to tell of it ([`told_by`]): then readers would not look for it there.
    pub fn event(&self, tenant: TenantId, subject: impl Display, data: Data) -> Event {
        debug_assert!(self.may_tell_of(&data), "{} does not tell of {}", self.name, type_of(&data));
        Event {
            id: EventId::from_bytes(self.rng.bytes()).to_string(),
            r#type: type_of(&data).to_owned(),
            source: self.name.to_owned(),
            subject: subject.to_string(),
            time_ms: self.clock.now().0,
            tenant: tenant.to_string(),
            traceparent: telemetry::traceparent(),
            data: Some(data),
        }
    }

    /// Other names than those of services are tests'.
    fn may_tell_of(&self, data: &Data) -> bool {
        let service = self.name.strip_prefix("/siegel/").filter(|name| SERVICES.contains(name));
        service.is_none_or(|service| told_by(data).contains(&service))
    }

    /// A line of the audit trail: `actor` did `action` (for example `record.commit`) to `object` (an id), and it went well.
    pub fn audit(
        &self,
        tenant: TenantId,
        actor: impl Display,
        device: Option<DeviceId>,
        action: &'static str,
        object: impl Display,
    ) -> AuditEntry {
        let audit = Audit {
            actor: actor.to_string(),
            device: device.map(|device| device.to_string()).unwrap_or_default(),
            action: action.to_owned(),
            object: object.to_string(),
            outcome: "ok".to_owned(),
            instruction: String::new(),
        };
        AuditEntry(self.event(tenant, object, Data::Audit(audit)))
    }

    /// The same for what somebody signed in did.
    pub fn audit_by(
        &self,
        tenant: TenantId,
        who: (Principal, DeviceId),
        action: &'static str,
        object: impl Display,
    ) -> AuditEntry {
        self.audit(tenant, who.0, Some(who.1), action, object)
    }
}

/// One line of the audit trail: who did what to which object, and how it ended. An event of its own type.
#[derive(Debug, Clone)]
pub struct AuditEntry(Event);

impl AuditEntry {
    /// How it ended, if not `ok`: a problem's code.
    pub fn outcome(mut self, code: impl Into<String>) -> Self {
        if let Some(Data::Audit(audit)) = &mut self.0.data {
            audit.outcome = code.into();
        }
        self
    }
}

/// Writes an event in the transaction of the change it tells of; readers are woken after the commit.
///
/// SQLite counts positions itself, and commits come one after the other. PostgreSQL's transactions end in another order than
/// they began: there a position is the transaction's number, shifted, and the event's place in it, and readers wait for
/// those before (see [`super::Log::read`], docs/decisions/0004).
pub async fn emit(tx: &mut Tx<'_>, event: Event) -> Result<(), DbError> {
    let place = tx.next_event();
    let insert = match tx.engine() {
        Engine::Sqlite => db::query(
            "INSERT INTO outbox (event_id, type, subject, time_ms, traceparent, data) VALUES ($1, $2, $3, $4, $5, $6)",
        ),
        Engine::Postgres => db::query(
            "INSERT INTO outbox (event_id, type, subject, time_ms, traceparent, data, position)
             VALUES ($1, $2, $3, $4, $5, $6, (CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) << 20) + $7)",
        ),
    };
    let insert = insert
        .bind(&event.id)
        .bind(&event.r#type)
        .bind(&event.subject)
        .bind(event.time_ms)
        .bind(&event.traceparent)
        .bind(event.encode_to_vec());
    let insert = if tx.engine() == Engine::Postgres { insert.bind(place) } else { insert };
    insert.execute(&mut **tx).await?;
    tx.wake_after_commit();
    Ok(())
}

/// Writes a line of the audit trail. Its failure fails the transaction, and so the operation it would have told of.
pub async fn audit(tx: &mut Tx<'_>, entry: AuditEntry) -> Result<(), DbError> {
    emit(tx, entry.0).await
}

/// The type of an event, by what it carries. A new kind of event gets its line here.
pub const fn type_of(data: &Data) -> &'static str {
    match data {
        Data::RecordCommitted(_) => "siegel.record.committed.v1",
        Data::RecordFetched(_) => "siegel.record.fetched.v1",
        Data::RecordErasing(_) => "siegel.record.erasing.v1",
        Data::RecordErased(_) => "siegel.record.erased.v1",
        Data::UploadSwept(_) => "siegel.upload.swept.v1",
        Data::GrantsAdded(_) => "siegel.grants.added.v1",
        Data::ConversationOpened(_) => "siegel.conversation.opened.v1",
        Data::CopyMissing(_) => "siegel.copy.missing.v1",
        Data::CopyHealed(_) => "siegel.copy.healed.v1",
        Data::Enrolled(_) => "siegel.principal.enrolled.v1",
        Data::Confirmed(_) => "siegel.principal.confirmed.v1",
        Data::Removed(_) => "siegel.principal.removed.v1",
        Data::DeviceRevoked(_) => "siegel.device.revoked.v1",
        Data::EpochChanged(_) => "siegel.epoch.changed.v1",
        Data::SenderChanged(_) => "siegel.sender.changed.v1",
        Data::ReceiptIssued(_) => "siegel.receipt.issued.v1",
        Data::ExpiryHeld(_) => "siegel.expiry.held.v1",
        Data::TenantChanged(_) => "siegel.tenant.changed.v1",
        Data::Audit(_) => "siegel.audit.v1",
    }
}

/// The services that tell of it, in whose outboxes and topics it is found. [`EventSource::event`] holds them to it.
pub const fn told_by(data: &Data) -> &'static [&'static str] {
    match data {
        Data::RecordCommitted(_)
        | Data::RecordFetched(_)
        | Data::RecordErasing(_)
        | Data::RecordErased(_)
        | Data::UploadSwept(_)
        | Data::GrantsAdded(_)
        | Data::ConversationOpened(_)
        | Data::CopyMissing(_)
        | Data::CopyHealed(_) => &["upload"],
        Data::Enrolled(_)
        | Data::Confirmed(_)
        | Data::Removed(_)
        | Data::DeviceRevoked(_)
        | Data::EpochChanged(_)
        | Data::SenderChanged(_) => &["key-directory"],
        Data::ReceiptIssued(_) | Data::ExpiryHeld(_) => &["retention"],
        Data::TenantChanged(_) => &["operator"],
        Data::Audit(_) => &["key-directory", "upload", "retention", "operator"],
    }
}
