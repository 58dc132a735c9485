//! What a code is for.

use siegel_api::enrol::{EnrolInvite, EnrolLookup, TenantCard};
use siegel_domain::Role;
use siegel_platform::{Problem, Reason};

use super::{auth_token, find};
use crate::app::Directory;
use crate::store::dealers;

/// Answers who holds the code; used and expired codes say so.
pub(crate) async fn lookup(directory: &Directory, request: EnrolLookup) -> Result<EnrolInvite, Problem> {
    let Some(tenant) = request.tenant else { return dealers_code(directory, &request.auth).await };
    let newcomer = find(directory, tenant, &request.auth).await?;
    let invite = newcomer.invite;
    usable(directory, invite.used_ms, invite.expires_ms)?;
    Ok(EnrolInvite {
        invite: invite.id,
        role: invite.role,
        tenant: Some(TenantCard {
            id: newcomer.tenant.id,
            handle: newcomer.tenant.handle.clone(),
            display_name: newcomer.tenant.display_name.clone(),
        }),
        principal: invite.principal.to_string(),
        device: invite.device,
        expires_ms: invite.expires_ms,
    })
}

async fn dealers_code(directory: &Directory, auth: &[u8]) -> Result<EnrolInvite, Problem> {
    let hash = auth_token(auth)?.stored();
    let invite = dealers::invite(directory.provider().reader(), hash.as_bytes()).await?.ok_or(Reason::NotFound)?;
    usable(directory, invite.used_ms, invite.expires_ms)?;
    Ok(EnrolInvite {
        invite: invite.id,
        role: Role::Dealer,
        tenant: None,
        principal: invite.dealer.to_string(),
        device: invite.device,
        expires_ms: invite.expires_ms,
    })
}

fn usable(directory: &Directory, used_ms: Option<i64>, expires_ms: i64) -> Result<(), Problem> {
    if used_ms.is_some() {
        return Err(Reason::InviteUsed.into());
    }
    if expires_ms <= directory.now_ms() { Err(Reason::InviteExpired.into()) } else { Ok(()) }
}
