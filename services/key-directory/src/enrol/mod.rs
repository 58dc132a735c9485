//! From a code to a registered device. The code never reaches the server: the newcomer shows HKDF(code, "auth") and the
//! server keeps a hash of it. A code is good once; who repeats a request whose answer was lost, with the same key, gets
//! the answer again.
//!
//! A foreign or unknown code is `not-found`, whatever tenant it was tried at. Only who holds a code is told that it was
//! used or has expired: a used code tells its rightful owner that somebody else was first.

pub(crate) mod dealer;
pub(crate) mod lookup;
pub(crate) mod member;
pub(crate) mod owner;
pub(crate) mod parse;
pub(crate) mod password;
pub(crate) mod sender;

use std::sync::Arc;

use siegel_api::enrol::{Enrolled, EnrolledPrincipal};
use siegel_domain::{DeviceId, InviteId, MemberId, Principal, Role, TenantId};
use siegel_envelope::SigningPublicKey;
use siegel_envelope::enrol::AuthToken;
use siegel_platform::db::{Db, DbError};
use siegel_platform::tenants::TenantView;
use siegel_platform::{Problem, Reason};

use crate::app::Directory;
use crate::store::invites::InviteRow;
use crate::store::{devices, invites, roster};

/// Somebody with a code, at a tenant that exists.
pub(crate) struct Newcomer {
    pub(crate) tenant: Arc<TenantView>,
    pub(crate) db: Arc<Db>,
    pub(crate) invite: InviteRow,
}

/// Reads the authenticator of a code.
pub(crate) fn auth_token(bytes: &[u8]) -> Result<AuthToken, Problem> {
    AuthToken::from_slice(bytes).ok_or_else(|| Problem::invalid("auth", "has to be 32 bytes"))
}

/// Finds the invitation of a code, used and expired ones too.
pub(crate) async fn find(directory: &Directory, tenant: TenantId, auth: &[u8]) -> Result<Newcomer, Problem> {
    let hash = auth_token(auth)?.stored();
    let tenant = directory.tenant(tenant)?;
    let db = directory.db(tenant.id).await?;
    let founder = tenant.owner_invite_auth_hash == hash.as_bytes();
    let invite = match invites::by_auth(db.reader(), hash.as_bytes()).await? {
        Some(invite) => Some(invite),
        None if founder => Some(founders(directory, &tenant, &db).await?),
        None => None,
    };
    let mut invite = invite.ok_or(Reason::NotFound)?;
    if invite.founder && invite.used_ms.is_none() {
        if !founder {
            return Err(Reason::NotFound.into()); // the dealer made a new one
        }
        if roster::head(db.reader()).await?.is_some() {
            invite.used_ms = Some(0); // another founder was first
        }
    }
    Ok(Newcomer { tenant, db, invite })
}

/// The same for somebody who wants to use the code now. `offered` is their device's key: the one that used the code
/// before gets its answer again.
pub(crate) async fn open(
    directory: &Directory,
    tenant: TenantId,
    auth: &[u8],
    offered: Option<&SigningPublicKey>,
) -> Result<Result<Newcomer, Enrolled>, Problem> {
    let newcomer = find(directory, tenant, auth).await?;
    let invite = &newcomer.invite;
    if invite.used_ms.is_some() {
        let device = devices::get(newcomer.db.reader(), invite.device).await?;
        return match device.filter(|device| Some(&device.sign_key) == offered && !device.revoked()) {
            Some(_) => Ok(Err(enrolled(invite.principal, invite.device, invite.founder))),
            None => Err(Reason::InviteUsed.into()),
        };
    }
    if invite.expires_ms <= directory.now_ms() {
        return Err(Reason::InviteExpired.into());
    }
    Ok(Ok(newcomer))
}

/// The first owner's invitation: its hash comes from the dealer, its ids are drawn when it is first asked for.
async fn founders(directory: &Directory, tenant: &TenantView, db: &Db) -> Result<InviteRow, DbError> {
    let (rng, now_ms) = (&*directory.ctx.rng, directory.now_ms());
    let auth_hash = &tenant.owner_invite_auth_hash[..];
    let drawn = InviteRow {
        id: InviteId::from_bytes(rng.bytes()),
        auth_hash: auth_hash.to_vec(),
        founder: true,
        role: Role::Owner,
        principal: Principal::Member(MemberId::from_bytes(rng.bytes())),
        device: DeviceId::from_bytes(rng.bytes()),
        sealed_code: None,
        mac: None,
        expires_ms: tenant.owner_code_expires_ms,
        used_ms: None,
    };
    let drawn = &drawn;
    let drawing = db.tx("enrol.founder", |tx| {
        Box::pin(async move {
            // Of two first lookups at once one draws, and both see what it drew.
            invites::insert(tx, drawn, now_ms).await?;
            let stored = invites::by_auth(&mut **tx, auth_hash).await?;
            stored.ok_or_else(|| DbError::corrupt("invites", "auth_hash", drawn.id))
        })
    });
    drawing.await
}

/// The proof that came with the request has to be by the key that is being enrolled.
pub(crate) fn proves(proof_key: &SigningPublicKey, offered: &SigningPublicKey) -> Result<(), Problem> {
    if proof_key == offered {
        return Ok(());
    }
    Err(Problem::new(Reason::SignatureRefused)
        .detail("The DPoP proof has to be made with the key that is being enrolled."))
}

/// The code is for something else.
pub(crate) fn other_kind() -> Problem {
    Problem::invalid("auth", "is of a code for another role; look it up first")
}

pub(crate) fn enrolled(principal: Principal, device: DeviceId, confirmed: bool) -> Enrolled {
    let principal = match principal {
        Principal::Member(id) => EnrolledPrincipal::Member(id),
        Principal::Sender(id) => EnrolledPrincipal::Sender(id),
        Principal::Dealer(id) => EnrolledPrincipal::Dealer(id),
    };
    Enrolled { principal, device, confirmed }
}
