//! How people sign in: OPAQUE (RFC 9807). The server verifies the password without learning it, and hands out the
//! wrapped keys only when the login is finished (R04), to a registered device (R06).
//!
//! What a guesser sees. A name that does not exist, a device that is not registered to it and a removed member take the
//! same path as the real thing: the same queries, the same unsealing of a record (a dummy then), the same OPAQUE step, an
//! answer of the same length with ids that stay the same for the same name. The guesser learns from the answer itself
//! whether a guess was right and never sends the finish, so each start is charged as a failure ([`crate::throttle`]).
//!
//! For an institution's handle that does not exist the same is computed under a set-up of its own, but nothing is
//! written to disk: handles are no secret, they stand behind the `@` of every name.
//!
//! Between start and finish nothing is stored: the attempt travels with the client, sealed under the tenant's key, and is
//! good for one finish within a minute.

use std::sync::Arc;

use opaque_ke::{
    CredentialFinalization, CredentialRequest, Identifiers, ServerLogin, ServerLoginParameters, ServerRegistration,
};
use siegel_api::auth::{LoginFinish, LoginFinished, LoginIdentifiers, LoginStart, LoginStarted};
use siegel_api::keys::SealedBundle;
use siegel_api::members::Standing;
use siegel_domain::time::SECOND_MS;
use siegel_domain::{DeviceId, MemberId, Principal, TenantId, text};
use siegel_envelope::SigningPublicKey;
use siegel_envelope::login::{self, KsfParams, Suite};
use siegel_platform::auth::TokenSubject;
use siegel_platform::db::Db;
use siegel_platform::tenants::{TenantState, TenantView};
use siegel_platform::{Problem, Reason, log};

use crate::app::{Directory, Place, note};
use crate::attempt::{Attempt, LIFE_MS};
use crate::logins::{Login, Names, OpaqueRng, SETUP};
use crate::store::members::MemberRow;
use crate::store::{devices, logins, members, roster};
use crate::{attempt, error, nowhere, session};

/// Bytes of OPAQUE's KE1 and KE3.
const REQUEST_BYTES: usize = 96;
const FINALIZATION_BYTES: usize = 64;

/// What OPAQUE answers to, whoever it is.
pub(crate) struct Candidate {
    pub(crate) identifiers: LoginIdentifiers,
    /// The record, or the dummy.
    pub(crate) record: Option<Vec<u8>>,
}

/// Takes the first message.
pub(crate) async fn start(directory: &Directory, request: LoginStart) -> Result<LoginStarted, Problem> {
    let (name, handle) = split(&request.login)?;
    let message = credential_request(&request.request)?;
    let tenant = directory.ctx.tenants.by_handle(handle).filter(known);
    let Some(tenant) = tenant else { return nowhere::start(directory, &request.login, message).await };

    note(tenant.id);
    let login = directory.logins.of(tenant.id).await?;
    let db = directory.db(tenant.id).await?;
    let member = registered(&db, &login.names, name, request.device).await?;
    let account = login.names.account(name, member.as_ref().map(|_| request.device));
    charge(directory, &db, &tenant, account, member.as_ref()).await?;

    let candidate = candidate(directory, tenant.id, &login, name, member.as_ref()).await?;
    let attempt = Attempt {
        id: directory.ctx.rng.bytes(),
        member: candidate.identifiers.member,
        device: request.device,
        account,
        setup: candidate.identifiers.setup,
        real: candidate.record.is_some(),
        expires_ms: directory.now_ms() + LIFE_MS,
    };
    let (response, state) = respond(directory, &login, &candidate, message)?;
    let attempt = attempt::seal(directory, tenant.id, &attempt, &state).await?;
    Ok(LoginStarted { attempt: attempt.into(), response: response.into(), identifiers: candidate.identifiers })
}

/// Takes the last message, with a proof by the device's key. Whatever is wrong, the answer is the same.
pub(crate) async fn finish(
    directory: &Directory,
    proof_key: &SigningPublicKey,
    request: LoginFinish,
) -> Result<LoginFinished, Problem> {
    let failed = || Problem::new(Reason::LoginFailed);
    let (tenant, attempt, state) = attempt::open(directory, &request.attempt).await?.ok_or_else(failed)?;
    let view = directory.ctx.tenants.get(tenant).ok_or_else(failed)?;
    note(tenant);
    let right = attempt.real && password_is_right(tenant, &attempt, &state, &request.finalization);
    let db = directory.db(tenant).await?;
    let opened = use_up(directory, &db, tenant, &attempt, right, proof_key).await?;
    let subject = opened.ok_or_else(failed)?;
    if view.state == TenantState::Suspended {
        return Err(Reason::TenantSuspended.into());
    }
    let slot = members::slot(db.reader(), subject.device).await?.ok_or_else(failed)?;
    let slot = directory.unseal(tenant, Place("slots", &subject.device.to_string(), "slot"), &slot).await?;
    let bundle = if subject.confirmed { bundle(&db).await? } else { None };
    Ok(LoginFinished { token: session::answer(directory, &subject)?, slot: slot.into(), bundle })
}

/// The newest bundle and the statement it belongs to.
pub(crate) async fn bundle(db: &Db) -> Result<Option<SealedBundle>, Problem> {
    let mut reading = db.reader().snapshot().await?;
    let bundle = roster::bundle(&mut *reading).await?;
    let epoch = roster::epoch(&mut *reading).await?;
    Ok(bundle
        .zip(epoch)
        .map(|(bundle, epoch)| SealedBundle { bundle: bundle.into(), epoch_statement: epoch.statement.into() }))
}

/// OPAQUE's second message, and the server's state until the third.
pub(crate) fn respond(
    directory: &Directory,
    login: &Login,
    candidate: &Candidate,
    message: CredentialRequest<Suite>,
) -> Result<(Vec<u8>, Vec<u8>), Problem> {
    // Both are read, so that both cost the same; the dummy itself is never logged in to.
    let dummy = ServerRegistration::<Suite>::deserialize(&login.dummy).map_err(error::opaque)?;
    let record = candidate.record.as_deref().unwrap_or(&login.dummy);
    let record = ServerRegistration::<Suite>::deserialize(record).map_err(error::opaque)?;
    let record = candidate.record.is_some().then_some(record);
    drop(dummy);
    let LoginIdentifiers { tenant, member, setup } = candidate.identifiers;
    let bound = Bound::new(tenant, member, setup);
    let mut rng = OpaqueRng(&*directory.ctx.rng);
    let started = ServerLogin::start(&mut rng, &login.setup, record, message, member.as_bytes(), bound.parameters())
        .map_err(error::opaque)?;
    Ok((started.message.serialize().to_vec(), started.state.serialize().to_vec()))
}

/// Reads KE1.
fn credential_request(bytes: &[u8]) -> Result<CredentialRequest<Suite>, Problem> {
    let invalid = || Problem::invalid("request", "is not OPAQUE's first login message (96 bytes)");
    if bytes.len() != REQUEST_BYTES {
        return Err(invalid());
    }
    CredentialRequest::deserialize(bytes).map_err(|_| invalid())
}

/// Name and handle of a login, both in their one spelling.
fn split(login: &str) -> Result<(&str, &str), Problem> {
    match login.split_once('@') {
        Some((name, handle)) if text::is_login_local(name) && text::is_handle(handle) => Ok((name, handle)),
        _ => Err(Problem::invalid("login", "has to be name@institution in lower case")),
    }
}

fn known(tenant: &Arc<TenantView>) -> bool {
    matches!(tenant.state, TenantState::Ready | TenantState::Suspended)
}

/// The member of this name, if they may sign in from this device. The queries are the same whoever there is.
async fn registered(db: &Db, names: &Names, name: &str, device: DeviceId) -> Result<Option<MemberRow>, Problem> {
    let member = members::by_login(db.reader(), &names.hash(name)).await?;
    let device = devices::get(db.reader(), device).await?;
    let (Some(member), Some(device)) = (member, device) else { return Ok(None) };
    let theirs = device.principal == Principal::Member(member.id) && !device.revoked();
    let may = matches!(member.standing, Standing::Pending | Standing::Active) && member.opaque_record.is_some();
    Ok((theirs && may).then_some(member))
}

/// Charges the account, or refuses if it was charged too often.
async fn charge(
    directory: &Directory,
    db: &Db,
    tenant: &TenantView,
    account: [u8; 16],
    member: Option<&MemberRow>,
) -> Result<(), Problem> {
    let now_ms = directory.now_ms();
    let charging = db.tx("login.charge", |tx| {
        Box::pin(async move {
            let before = logins::charge(&mut **tx, &account).await?;
            let wait_ms = before.wait_ms(now_ms);
            if wait_ms > 0 {
                return Err(too_fast(wait_ms));
            }
            let charge = before.charged(now_ms);
            logins::set_charge(tx, &account, charge).await?;
            if let Some(member) = member.filter(|_| charge.suspicious()) {
                let line = directory.source.audit(tenant.id, member.id, None, "auth.login.repeated", member.id);
                log::audit(tx, line.outcome(Reason::LoginFailed.code())).await?;
            }
            Ok(())
        })
    });
    charging.await
}

/// Come back later.
pub(crate) fn too_fast(wait_ms: i64) -> Problem {
    let seconds = u32::try_from(wait_ms.div_euclid(SECOND_MS) + 1).unwrap_or(u32::MAX);
    Problem::new(Reason::RateLimited)
        .retry_after_s(seconds)
        .detail("This name was tried too often from here; wait before you try again.")
}

async fn candidate(
    directory: &Directory,
    tenant: TenantId,
    login: &Login,
    name: &str,
    member: Option<&MemberRow>,
) -> Result<Candidate, Problem> {
    let id = member.map_or_else(|| login.names.nobody(name), |member| member.id);
    let setup = member.and_then(|member| member.opaque_setup).and_then(|setup| u32::try_from(setup).ok());
    let row = id.to_string();
    let place = Place("members", &row, "opaque_record");
    // A dummy is sealed first and opened like the real one.
    let dummy = directory.seal(tenant, place, &login.dummy).await?;
    let sealed = member.and_then(|member| member.opaque_record.as_deref()).unwrap_or(&dummy);
    let record = directory.unseal(tenant, place, sealed).await?;
    Ok(Candidate {
        identifiers: LoginIdentifiers { tenant, member: id, setup: setup.unwrap_or(SETUP) },
        record: member.map(|_| record),
    })
}

fn password_is_right(tenant: TenantId, attempt: &Attempt, state: &[u8], finalization: &[u8]) -> bool {
    if finalization.len() != FINALIZATION_BYTES {
        return false;
    }
    let bound = Bound::new(tenant, attempt.member, attempt.setup);
    let (Ok(state), Ok(message)) =
        (ServerLogin::<Suite>::deserialize(state), CredentialFinalization::deserialize(finalization))
    else {
        return false;
    };
    state.finish(message, bound.parameters()).is_ok()
}

/// Uses the attempt up, right or wrong, so that it is refunded and audited once; opens the session if it was right.
async fn use_up(
    directory: &Directory,
    db: &Db,
    tenant: TenantId,
    attempt: &Attempt,
    right: bool,
    proof_key: &SigningPublicKey,
) -> Result<Option<TokenSubject>, Problem> {
    let now_ms = directory.now_ms();
    let using = db.tx("login.finish", |tx| {
        Box::pin(async move {
            if !logins::use_once(tx, &attempt.id, attempt.expires_ms, now_ms).await? {
                return Ok(None);
            }
            let device = devices::get(&mut **tx, attempt.device).await?;
            let device = device.filter(|device| {
                right && device.principal == Principal::Member(attempt.member) && device.sign_key == *proof_key
            });
            let subject = match &device {
                Some(device) => session::open(directory, tx, tenant, device).await?,
                None => None,
            };
            if subject.is_some() {
                let charge = logins::charge(&mut **tx, &attempt.account).await?;
                logins::set_charge(tx, &attempt.account, charge.refunded()).await?;
            } else if attempt.real {
                let line =
                    directory.source.audit(tenant, attempt.member, Some(attempt.device), "auth.login", attempt.member);
                log::audit(tx, line.outcome(Reason::LoginFailed.code())).await?;
            }
            Ok::<_, Problem>(subject)
        })
    });
    using.await
}

/// What both sides bind into the login.
struct Bound {
    client: Vec<u8>,
    server: Vec<u8>,
    context: Vec<u8>,
}

impl Bound {
    fn new(tenant: TenantId, member: MemberId, setup: u32) -> Self {
        Self {
            client: login::client_id(member),
            server: login::server_id(tenant, setup),
            context: login::context(tenant, KsfParams::FLOOR),
        }
    }

    fn parameters(&self) -> ServerLoginParameters<'_, '_> {
        ServerLoginParameters {
            context: Some(&self.context),
            identifiers: Identifiers { client: Some(&self.client), server: Some(&self.server) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_has_one_spelling() {
        assert_eq!(split("anna.b@herz-nord").unwrap(), ("anna.b", "herz-nord"));
        for bad in
            ["", "anna", "@herz-nord", "anna@", "Anna@herz-nord", "anna@b@herz-nord", "an na@herz-nord", "anna@herz\0"]
        {
            assert!(split(bad).is_err(), "{bad:?}");
        }
    }
}
