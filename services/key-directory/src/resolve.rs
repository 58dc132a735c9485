//! What the other services ask: the key that grants have to be sealed to now, and whose signing key something is.

use siegel_api::members::Standing;
use siegel_domain::{Party, Principal, Role, TenantId};
use siegel_envelope::{Fingerprint, KemPublicKey};
use siegel_platform::Problem;
use siegel_platform::db::DbError;
use siegel_proto::keydirectory::v1::{ResolvePartyResponse, ResolveSignerResponse};

use crate::app::Directory;
use crate::keys::device_key;
use crate::store::senders::return_report_str;
use crate::store::{devices, invites, members, roster, senders, standing_of_principal};

/// A party, confirmed or not. Not found: unknown in this tenant, or removed.
pub(crate) async fn party(
    directory: &Directory,
    tenant: TenantId,
    party: Party,
) -> Result<ResolvePartyResponse, Problem> {
    let db = directory.db(tenant).await?;
    let mut reading = db.reader().snapshot().await?;
    let newest = roster::epoch(&mut *reading).await?;
    let epoch = newest.as_ref().map_or(0, |row| u64::try_from(row.number).unwrap_or(0));
    let mut answer = ResolvePartyResponse { epoch, ..Default::default() };
    match party {
        Party::Tenant(id) if id == tenant => {
            if let Some(row) = newest {
                answer.found = true;
                answer.confirmed = true;
                answer.kem_fingerprint = row.kem_fingerprint;
            }
        }
        Party::Tenant(_) => {}
        Party::Sender(id) => {
            let row = senders::get(&mut *reading, id).await?;
            if let Some(row) = row.filter(|row| here(row.standing)) {
                let invite = invites::by_principal(&mut *reading, Principal::Sender(id)).await?;
                let key = match invite {
                    Some(invite) => device_key(&mut reading, invite.device).await?,
                    None => None,
                };
                let key = key.ok_or_else(|| DbError::corrupt("devices", "kem_key", id))?;
                answer.found = true;
                answer.confirmed = row.standing == Standing::Active;
                answer.kem_fingerprint = key.fingerprint().as_bytes().to_vec();
                answer.return_report = return_report_str(row.return_report).to_owned();
                answer.role = Role::Sender.as_str().to_owned();
            }
        }
        Party::Member(id) => {
            let row = members::get(&mut *reading, id).await?;
            if let Some(row) = row.filter(|row| here(row.standing)) {
                let key = row.user_key.as_deref().and_then(|key| KemPublicKey::from_slice(key).ok());
                let key = key.ok_or_else(|| DbError::corrupt("members", "user_key", id))?;
                answer.found = true;
                answer.confirmed = row.standing == Standing::Active;
                answer.kem_fingerprint = key.fingerprint().as_bytes().to_vec();
                answer.role = row.role.as_str().to_owned();
            }
        }
    }
    Ok(answer)
}

/// Whose signing key it is. Revoked ones are found too: what they signed stays signed.
pub(crate) async fn signer(
    directory: &Directory,
    tenant: TenantId,
    fingerprint: Fingerprint,
) -> Result<ResolveSignerResponse, Problem> {
    let db = directory.db(tenant).await?;
    let mut reading = db.reader().snapshot().await?;
    let Some(device) = devices::by_fingerprint(&mut *reading, fingerprint.as_bytes()).await? else {
        return Ok(ResolveSignerResponse::default());
    };
    let standing = standing_of_principal(&mut *reading, device.principal).await?;
    let standing = standing.map_or(Standing::Removed, |(_, standing)| standing);
    Ok(ResolveSignerResponse {
        found: true,
        public_key: device.sign_key.as_bytes().to_vec(),
        principal: device.principal.to_string(),
        device: device.id.to_string(),
        confirmed: standing == Standing::Active,
        revoked: device.revoked(),
    })
}

/// Keys are there and nobody removed them.
const fn here(standing: Standing) -> bool {
    matches!(standing, Standing::Pending | Standing::Active)
}
