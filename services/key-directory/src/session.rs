//! Sessions: opened by a login, kept alive by renewing, ended by logout, removal or revocation, at once everywhere.

use siegel_api::auth::{RenewRequest, TokenAnswer, Who};
use siegel_api::members::Standing;
use siegel_domain::time::DAY_MS;
use siegel_domain::{Principal, Role, SessionId, TenantId};
use siegel_envelope::SigningPublicKey;
use siegel_platform::auth::{Caller, TOKEN_LIFE_S, TokenSubject};
use siegel_platform::db::{DbError, Tx};
use siegel_platform::log;
use siegel_platform::{Problem, Reason};

use crate::app::Directory;
use crate::store::devices::DeviceRow;
use crate::store::sessions::Of;
use crate::store::{dealers, devices, sessions, standing_of_principal};

/// Rows of sessions that are over are kept this long beyond the idle limit.
const KEEP_MS: i64 = DAY_MS;

/// Opens a session of a member's or sender's device and says for whom its tokens are. None: they may not sign in.
pub(crate) async fn open(
    directory: &Directory,
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: &DeviceRow,
) -> Result<Option<TokenSubject>, DbError> {
    let (now_ms, session) = (directory.now_ms(), SessionId::from_bytes(directory.ctx.rng.bytes()));
    let Some(subject) = subject(tx, tenant, device, session).await? else { return Ok(None) };
    let stale_ms = now_ms - directory.config.session_idle_ms() - KEEP_MS;
    sessions::insert(tx, session, (device.principal, device.id), now_ms, stale_ms).await?;
    devices::seen(tx, device.id, day(now_ms)).await?;
    let line = directory.source.audit(tenant, device.principal, Some(device.id), "auth.login", session);
    log::audit(tx, line).await?;
    Ok(Some(subject))
}

/// The same for a dealer.
pub(crate) async fn open_dealer(
    directory: &Directory,
    tx: &mut Tx<'_>,
    device: &dealers::DeviceRow,
) -> Result<Option<TokenSubject>, DbError> {
    if device.revoked_ms.is_some() || !dealers::active(&mut **tx, device.dealer).await? {
        return Ok(None);
    }
    let (now_ms, session) = (directory.now_ms(), SessionId::from_bytes(directory.ctx.rng.bytes()));
    let stale_ms = now_ms - directory.config.session_idle_ms() - KEEP_MS;
    dealers::insert_session(tx, session, (device.dealer, device.id), now_ms, stale_ms).await?;
    dealers::audit(tx, &directory.provider_audit(device.dealer, Some(device.id), "auth.login", session)).await?;
    Ok(Some(dealer_subject(device, session)))
}

/// A token for `subject`.
pub(crate) fn answer(directory: &Directory, subject: &TokenSubject) -> Result<TokenAnswer, Problem> {
    let access_token = directory.tokens.issue(subject, directory.ctx.clock.now()).map_err(Problem::internal)?;
    Ok(TokenAnswer {
        access_token,
        token_type: "DPoP".to_owned(),
        expires_in_s: TOKEN_LIFE_S,
        session: subject.session,
        who: Who {
            principal: subject.principal,
            tenant: subject.tenant,
            device: subject.device,
            role: subject.role,
            confirmed: subject.confirmed,
        },
    })
}

/// The next token of a living session, for whoever holds its device's key. Role and standing are looked up anew.
pub(crate) async fn renew(
    directory: &Directory,
    key: &SigningPublicKey,
    request: RenewRequest,
) -> Result<TokenAnswer, Problem> {
    let subject = match request.tenant {
        Some(tenant) => renew_in(directory, key, tenant, request.session).await?,
        None => renew_dealer(directory, key, request.session).await?,
    };
    answer(directory, &subject)
}

async fn renew_in(
    directory: &Directory,
    key: &SigningPublicKey,
    tenant: TenantId,
    session: SessionId,
) -> Result<TokenSubject, Problem> {
    directory.tenant(tenant).map_err(hide_tenant)?;
    let db = directory.db(tenant).await?;
    let now_ms = directory.now_ms();
    db.tx("session.renew", |tx| {
        Box::pin(async move {
            let row = sessions::get(&mut **tx, session).await?.ok_or(Reason::SessionRevoked)?;
            let device = devices::get(&mut **tx, row.device).await?;
            let device = device.filter(|device| device.principal == row.principal).ok_or(Reason::SessionRevoked)?;
            check(directory, key, (&device.sign_key, device.revoked()), (row.seen_ms, row.ended_ms))?;
            let subject = subject(tx, tenant, &device, session).await?.ok_or(Reason::SessionRevoked)?;
            sessions::seen(tx, session, now_ms).await?;
            devices::seen(tx, device.id, day(now_ms)).await?;
            Ok(subject)
        })
    })
    .await
}

async fn renew_dealer(
    directory: &Directory,
    key: &SigningPublicKey,
    session: SessionId,
) -> Result<TokenSubject, Problem> {
    let now_ms = directory.now_ms();
    let renewing = directory.provider().tx("session.renew_dealer", |tx| {
        Box::pin(async move {
            let row = dealers::session(&mut **tx, session).await?.ok_or(Reason::SessionRevoked)?;
            let device = dealers::device(&mut **tx, row.device).await?.ok_or(Reason::SessionRevoked)?;
            check(directory, key, (&device.sign_key, device.revoked_ms.is_some()), (row.seen_ms, row.ended_ms))?;
            if row.dealer != device.dealer || !dealers::active(&mut **tx, row.dealer).await? {
                return Err(Reason::SessionRevoked.into());
            }
            dealers::session_seen(tx, session, now_ms).await?;
            Ok(dealer_subject(&device, session))
        })
    });
    renewing.await
}

/// Whether a session may go on: its device's key, not revoked, not ended, not idle.
fn check(
    directory: &Directory,
    key: &SigningPublicKey,
    (device_key, revoked): (&SigningPublicKey, bool),
    (seen_ms, ended_ms): (i64, Option<i64>),
) -> Result<(), Problem> {
    if key != device_key {
        return Err(Problem::new(Reason::Unauthenticated).detail("The DPoP proof is made with another device's key."));
    }
    if revoked || ended_ms.is_some() || idle(directory, seen_ms) {
        return Err(Reason::SessionRevoked.into());
    }
    Ok(())
}

fn idle(directory: &Directory, seen_ms: i64) -> bool {
    directory.now_ms() - seen_ms > directory.config.session_idle_ms()
}

/// Signs out.
pub(crate) async fn end(directory: &Directory, caller: &Caller) -> Result<(), Problem> {
    let now_ms = directory.now_ms();
    match (caller.tenant, caller.principal) {
        (Some(tenant), _) => {
            let db = directory.db(tenant).await?;
            let ending = db.tx("session.end", |tx| {
                Box::pin(async move {
                    sessions::end(tx, Of::One(caller.session), now_ms).await?;
                    let line = directory.source.audit_by(tenant, caller.who(), "auth.logout", caller.session);
                    log::audit(tx, line).await
                })
            });
            ending.await?;
        }
        (None, Principal::Dealer(dealer)) => {
            let ending = directory.provider().tx("session.end_dealer", |tx| {
                Box::pin(async move {
                    dealers::end_session(tx, caller.session, now_ms).await?;
                    let line = directory.provider_audit(dealer, Some(caller.device), "auth.logout", caller.session);
                    dealers::audit(tx, &line).await
                })
            });
            ending.await?;
        }
        (None, _) => return Err(Reason::NotFound.into()),
    }
    directory.signed_out(&[caller.session]);
    Ok(())
}

/// Whether a session lives, for services whose feed is stale. What does not exist is dead.
pub(crate) async fn alive(
    directory: &Directory,
    tenant: Option<TenantId>,
    session: SessionId,
) -> Result<bool, Problem> {
    let Some(tenant) = tenant else {
        let row = dealers::session(directory.provider().reader(), session).await?;
        return Ok(row.is_some_and(|row| row.ended_ms.is_none() && !idle(directory, row.seen_ms)));
    };
    if directory.tenant(tenant).is_err() {
        return Ok(false);
    }
    let db = directory.db(tenant).await?;
    let row = sessions::get(db.reader(), session).await?;
    Ok(row.is_some_and(|row| row.ended_ms.is_none() && !idle(directory, row.seen_ms)))
}

async fn subject(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: &DeviceRow,
    session: SessionId,
) -> Result<Option<TokenSubject>, DbError> {
    if device.revoked() {
        return Ok(None);
    }
    let confirmed = match standing_of_principal(&mut **tx, device.principal).await? {
        Some((role, Standing::Active)) => (role, true),
        Some((role, Standing::Pending)) => (role, false),
        _ => return Ok(None),
    };
    Ok(Some(TokenSubject {
        principal: device.principal,
        tenant: Some(tenant),
        device: device.id,
        device_key: device.sign_key,
        session,
        role: confirmed.0,
        confirmed: confirmed.1,
    }))
}

fn dealer_subject(device: &dealers::DeviceRow, session: SessionId) -> TokenSubject {
    TokenSubject {
        principal: Principal::Dealer(device.dealer),
        tenant: None,
        device: device.id,
        device_key: device.sign_key,
        session,
        role: Role::Dealer,
        confirmed: true,
    }
}

/// A tenant that does not exist has no sessions: the answer is as for a session that does not exist.
fn hide_tenant(problem: Problem) -> Problem {
    if problem.reason() == Reason::NotFound { Reason::SessionRevoked.into() } else { problem }
}

const fn day(now_ms: i64) -> i64 {
    now_ms - now_ms.rem_euclid(DAY_MS)
}
