//! How machines sign in: a sender's cart or a dealer's computer signs a challenge with its device key. Whatever is wrong,
//! the answer is the same, and a challenge is handed out for devices that do not exist too.

use siegel_api::auth::{Challenge, ChallengeRequest, TokenAnswer, TokenRequest};
use siegel_domain::{Principal, TenantId};
use siegel_envelope::login::ChallengeBody;
use siegel_envelope::{SignedBytes, SigningPublicKey};
use siegel_platform::auth::TokenSubject;
use siegel_platform::{Problem, Reason};

use crate::app::Directory;
use crate::session;
use crate::store::{dealers, devices, logins};

/// Hands out a challenge.
pub(crate) fn challenge(directory: &Directory, request: &ChallengeRequest) -> Challenge {
    let (rng, now) = (&*directory.ctx.rng, directory.ctx.clock.now());
    let (challenge, expires) = directory.challenges.issue(rng, request.tenant, request.device, now);
    Challenge { challenge: challenge.into(), expires_ms: expires.0 }
}

/// Takes the answer: signed by the device's key, which proves this very request as well.
pub(crate) async fn token(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    request: TokenRequest,
) -> Result<TokenAnswer, Problem> {
    let now = directory.ctx.clock.now();
    let expires = directory
        .challenges
        .check(&request.challenge, request.tenant, request.device, now)
        .ok_or(Reason::LoginFailed)?;
    let subject = match request.tenant {
        Some(tenant) => sender(directory, proof_key, &request, tenant, expires.0).await?,
        None => dealer(directory, proof_key, &request, expires.0).await?,
    };
    session::answer(directory, &subject.ok_or(Reason::LoginFailed)?)
}

async fn sender(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    request: &TokenRequest,
    tenant: TenantId,
    expires_ms: i64,
) -> Result<Option<TokenSubject>, Problem> {
    let open = directory.tenant(tenant);
    if matches!(&open, Err(problem) if problem.reason() == Reason::NotFound) {
        return Ok(None);
    }
    let db = directory.db(tenant).await?;
    let Some(device) = devices::get(db.reader(), request.device).await? else { return Ok(None) };
    // A member's device needs its member's password too.
    let machine = matches!(device.principal, Principal::Sender(_));
    if !machine || !answered(directory, proof_key, &device.sign_key, request) {
        return Ok(None);
    }
    open?; // suspended: said only to those who belong to it
    let (device, now_ms) = (&device, directory.now_ms());
    let opening = db.tx("auth.token", |tx| {
        Box::pin(async move {
            if !logins::use_once(tx, &request.challenge, expires_ms, now_ms).await? {
                return Ok(None);
            }
            session::open(directory, tx, tenant, device).await.map_err(Problem::from)
        })
    });
    opening.await
}

async fn dealer(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    request: &TokenRequest,
    expires_ms: i64,
) -> Result<Option<TokenSubject>, Problem> {
    let provider = directory.provider();
    let Some(device) = dealers::device(provider.reader(), request.device).await? else { return Ok(None) };
    if !answered(directory, proof_key, &device.sign_key, request) {
        return Ok(None);
    }
    let (device, now_ms) = (&device, directory.now_ms());
    let opening = provider.tx("auth.token_dealer", |tx| {
        Box::pin(async move {
            if !dealers::use_once(tx, &request.challenge, expires_ms, now_ms).await? {
                return Ok(None);
            }
            session::open_dealer(directory, tx, device).await.map_err(Problem::from)
        })
    });
    opening.await
}

/// Whether the signed body is this device's answer to this challenge, meant for this server, and the request's proof is
/// by the same key.
fn answered(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    key: &SigningPublicKey,
    request: &TokenRequest,
) -> bool {
    let Ok(signed) = SignedBytes::from_bytes_of::<ChallengeBody>(&request.signed) else { return false };
    let Ok(body) = signed.open::<ChallengeBody>(key) else { return false };
    proof_key == key
        && body.challenge.0 == request.challenge.0
        && body.device == request.device
        && body.tenant == request.tenant
        && body.audience == directory.ctx.public_url
}
