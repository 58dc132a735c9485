//! What a handler is given: a [`Caller`] who is signed in, or a [`DeviceProof`] of someone who is about to be.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use siegel_domain::{DealerId, DeviceId, MemberId, Party, Permission, Principal, Role, SenderId, SessionId, TenantId};
use siegel_envelope::SigningPublicKey;

use super::Auth;
use crate::problem::{Problem, Reason};
use crate::quota::Whose;

/// Who is signed in: token, proof and session were checked. Taking it as an argument is what makes a route private.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// The tenant; none for a dealer.
    pub tenant: Option<TenantId>,
    /// From which device.
    pub device: DeviceId,
    /// In which session.
    pub session: SessionId,
    /// In which role.
    pub role: Role,
    /// Whether a member of the tenant has confirmed the enrolment.
    pub confirmed: bool,
}

impl Caller {
    /// Passes if the role allows it. Whom nobody has confirmed yet may send, if it is a sender, and nothing else.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        if !self.role.allows(permission) {
            return Err(Reason::Forbidden.into());
        }
        let may_wait = self.role == Role::Sender && permission == Permission::Send;
        if self.confirmed || may_wait { Ok(()) } else { Err(Reason::NotConfirmed.into()) }
    }

    /// The tenant. A dealer has none: for them a tenant's things do not exist.
    pub fn tenant_id(&self) -> Result<TenantId, Problem> {
        self.tenant.ok_or(Problem::new(Reason::NotFound))
    }

    /// The member, for what only members do.
    pub fn member(&self) -> Result<MemberId, Problem> {
        match self.principal {
            Principal::Member(member) => Ok(member),
            _ => Err(Reason::Forbidden.into()),
        }
    }

    /// The sender, for what only senders do.
    pub fn sender(&self) -> Result<SenderId, Problem> {
        match self.principal {
            Principal::Sender(sender) => Ok(sender),
            _ => Err(Reason::Forbidden.into()),
        }
    }

    /// The dealer, for what only dealers do.
    pub fn dealer(&self) -> Result<DealerId, Problem> {
        match self.principal {
            Principal::Dealer(dealer) => Ok(dealer),
            _ => Err(Reason::Forbidden.into()),
        }
    }

    /// The party they act for: a member for the tenant, a sender for itself.
    pub fn party(&self) -> Result<Party, Problem> {
        match self.principal {
            Principal::Member(_) => self.tenant_id().map(Party::Tenant),
            Principal::Sender(sender) => Ok(Party::Sender(sender)),
            Principal::Dealer(_) => Err(Reason::NotFound.into()),
        }
    }

    /// Whose share of the platform the request counts against.
    pub fn whose(&self) -> Whose {
        self.tenant.map_or(Whose::Principal(self.principal), Whose::Tenant)
    }

    /// Enters the request's span: every line of a tenant's incident is one query away.
    pub(super) fn note(&self) {
        if let Some(tenant) = self.tenant {
            tracing::Span::current().record("tenant", tracing::field::display(tenant));
        }
    }

    /// For the audit trail.
    pub fn who(&self) -> (Principal, DeviceId) {
        (self.principal, self.device)
    }
}

/// What the layer found out about a request that says who sends it; a proof is good once, so this is the only look at it.
#[derive(Clone)]
pub(super) struct Verdict(pub(super) Result<Caller, Problem>);

/// Tests of a service's routes stand without a key directory: `.layer(Extension(Assumed(caller)))` says who asks.
#[cfg(feature = "testing")]
#[derive(Debug, Clone)]
pub struct Assumed(pub Caller);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        #[cfg(feature = "testing")]
        if let Some(Assumed(caller)) = parts.extensions.get() {
            return Ok(caller.clone());
        }
        match parts.extensions.get() {
            Some(Verdict(verdict)) => verdict.clone(),
            // No `Authorization`: what a caller would have to show is said in one place.
            None => auth(parts)?.caller(parts).await,
        }
    }
}

/// `Option<Caller>`: nobody if there is no `Authorization` at all; a bad one is still refused.
impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(axum::http::header::AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

/// A proof without a token: whoever sends the request holds this key. For enrolment, login and renewal.
#[derive(Debug, Clone)]
pub struct DeviceProof {
    /// The key.
    pub key: SigningPublicKey,
}

impl<S: Sync> FromRequestParts<S> for DeviceProof {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let proof = auth(parts)?.proof(parts, None).await?;
        Ok(Self { key: proof.key })
    }
}

/// A route outside the layer is a mistake in the program: nobody gets in.
fn auth(parts: &Parts) -> Result<Arc<Auth>, Problem> {
    parts.extensions.get::<Arc<Auth>>().cloned().ok_or_else(|| Problem::internal(NoLayer))
}

#[derive(Debug, thiserror::Error)]
#[error("the route takes a Caller but stands outside the layer auth::attach")]
struct NoLayer;

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, confirmed: bool) -> Caller {
        Caller {
            principal: Principal::Member(MemberId::from_bytes([1; 16])),
            tenant: Some(TenantId::from_bytes([2; 16])),
            device: DeviceId::from_bytes([3; 16]),
            session: SessionId::from_bytes([4; 16]),
            role,
            confirmed,
        }
    }

    #[test]
    fn roles_allow_and_confirmation_is_needed() {
        let verdict = |role, confirmed, permission| caller(role, confirmed).require(permission).map_err(|p| p.reason());
        assert_eq!(verdict(Role::Owner, true, Permission::ManageMembers), Ok(()));
        assert_eq!(verdict(Role::Member, true, Permission::ManageMembers), Err(Reason::Forbidden));
        assert_eq!(verdict(Role::Member, false, Permission::ReadMailbox), Err(Reason::NotConfirmed));
        assert_eq!(verdict(Role::Member, false, Permission::Send), Err(Reason::NotConfirmed));
        assert_eq!(verdict(Role::Sender, false, Permission::Send), Ok(()), "shown to the centre as not yet confirmed");
        assert_eq!(verdict(Role::Sender, false, Permission::Erase), Err(Reason::NotConfirmed));
        assert_eq!(verdict(Role::Sender, true, Permission::ReadMailbox), Err(Reason::Forbidden));
        assert_eq!(verdict(Role::Dealer, true, Permission::ManageSenders), Err(Reason::Forbidden));
    }
}
