//! Who acts, for whom, and what they may see. Nobody learns whether something exists that is not for them: the answer is
//! 404 in either case.

use std::sync::Arc;

use siegel_domain::upload::RecordState;
use siegel_domain::{DeviceId, Party, Permission, Principal, RecordId, SessionId, TenantId};
use siegel_platform::auth::Caller;
use siegel_platform::db::Db;
use siegel_platform::tenants::{TenantState, TenantView};
use siegel_platform::{Problem, Reason};

use crate::app::App;
use crate::error;
use crate::store::parties::{self, PartyRow};
use crate::store::records::{self, RecordRow};

/// Someone signed in, within their tenant.
#[derive(Clone)]
pub struct Actor {
    /// The tenant; every id is looked up in it alone.
    pub tenant: Arc<TenantView>,
    /// Who.
    pub principal: Principal,
    /// From which device.
    pub device: DeviceId,
    /// In which session.
    pub session: SessionId,
    /// As which parties they read: a member with the right to the mailbox reads for the tenant too.
    pub reads_as: Vec<Party>,
    /// As which parties they may seal and grant.
    pub speaks_as: Vec<Party>,
}

impl Actor {
    /// The caller, if their tenant is open for business.
    pub fn of(app: &App, caller: &Caller) -> Result<Self, Problem> {
        let tenant = app.ctx.tenants.get(caller.tenant_id()?).ok_or_else(error::not_found)?;
        match tenant.state {
            TenantState::Ready => {}
            TenantState::Suspended => return Err(Reason::TenantSuspended.into()),
            TenantState::Provisioning | TenantState::Failed => return Err(error::not_found()),
        }
        let (reads_as, speaks_as) = match caller.principal {
            Principal::Member(member) => {
                let (me, us) = (Party::Member(member), Party::Tenant(tenant.id));
                let reads = if caller.require(Permission::ReadMailbox).is_ok() { vec![us, me] } else { vec![me] };
                (reads, vec![us, me])
            }
            Principal::Sender(sender) => (vec![Party::Sender(sender)], vec![Party::Sender(sender)]),
            Principal::Dealer(_) => return Err(error::not_found()),
        };
        let (principal, device, session) = (caller.principal, caller.device, caller.session);
        Ok(Self { tenant, principal, device, session, reads_as, speaks_as })
    }

    /// The same, with the record named in the span of the request.
    pub fn about(self, record: RecordId) -> Self {
        tracing::Span::current().record("record", tracing::field::display(record));
        self
    }

    /// The tenant's id.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant.id
    }

    /// For the audit trail.
    pub fn who(&self) -> (Principal, DeviceId) {
        (self.principal, self.device)
    }

    /// Whether they are a sender, the second side of the tenant's.
    pub fn is_sender(&self) -> bool {
        matches!(self.principal, Principal::Sender(_))
    }
}

/// The upload of a record that the actor opened, whatever its state.
pub async fn own_upload(db: &Db, actor: &Actor, record: RecordId) -> Result<RecordRow, Problem> {
    let row = records::find(db.reader(), record).await?.ok_or_else(error::not_found)?;
    if row.uploader == actor.principal { Ok(row) } else { Err(error::not_found()) }
}

/// A committed record that the actor may read, with everyone else who may. Erased ones answer 410 to those who could.
pub async fn readable(db: &Db, actor: &Actor, record: RecordId) -> Result<(RecordRow, Vec<PartyRow>), Problem> {
    let row = records::find(db.reader(), record).await?.ok_or_else(error::not_found)?;
    match row.state {
        RecordState::Committed => {
            let parties = parties::of_record(db.reader(), record).await?;
            let mine = parties.iter().any(|row| actor.reads_as.contains(&row.party));
            if mine { Ok((row, parties)) } else { Err(error::not_found()) }
        }
        RecordState::Erasing | RecordState::Erased => {
            let erasure = crate::store::erasures::find(db.reader(), record).await?;
            let mine = |party: &Party| actor.reads_as.contains(party);
            let was_mine = erasure.is_some_and(|erasure| mine(&erasure.sender) || erasure.recipients.iter().any(mine));
            Err(if was_mine { Reason::Gone.into() } else { error::not_found() })
        }
        _ => Err(error::not_found()),
    }
}
