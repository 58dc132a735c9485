//! Logins at institutions that do not exist: the same message, under a set-up that belongs to nobody. The tries are
//! counted in memory, in as few accounts as a tenant's, and forgotten at a restart: there is nothing to guess here, they
//! only have to slow down like the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use opaque_ke::CredentialRequest;
use siegel_api::auth::{LoginIdentifiers, LoginStarted};
use siegel_domain::TenantId;
use siegel_envelope::login::Suite;
use siegel_platform::Problem;

use crate::app::Directory;
use crate::attempt::{self, SEALED_BYTES};
use crate::login::{Candidate, respond, too_fast};
use crate::logins::SETUP;
use crate::throttle::Charge;

/// Charges of nobody's accounts; at most 4,096, as `Names::account` makes no more.
#[derive(Default)]
pub(crate) struct Charges(Mutex<HashMap<[u8; 16], Charge>>);

impl Charges {
    fn charge(&self, account: [u8; 16], now_ms: i64) -> Result<(), Problem> {
        let mut charges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let charge = charges.entry(account).or_default();
        match charge.wait_ms(now_ms) {
            0 => {
                *charge = charge.charged(now_ms);
                Ok(())
            }
            wait_ms => Err(too_fast(wait_ms)),
        }
    }
}

/// Answers as a tenant would.
pub(crate) async fn start(
    directory: &Directory,
    login_name: &str,
    message: CredentialRequest<Suite>,
) -> Result<LoginStarted, Problem> {
    let login = directory.logins.of_nobody().await?;
    let account = login.names.account(login_name, None);
    directory.nowhere.charge(account, directory.now_ms())?;
    let handle = login_name.split_once('@').map_or("", |(_, handle)| handle);
    let tenant = TenantId::from_bytes(*login.names.nobody(handle).as_bytes());
    let identifiers = LoginIdentifiers { tenant, member: login.names.nobody(login_name), setup: SETUP };
    let candidate = Candidate { identifiers, record: None };
    let (response, _) = respond(directory, &login, &candidate, message)?;
    // Nobody will open it: random bytes of the right length are as good as sealed ones.
    let mut sealed = vec![0; SEALED_BYTES];
    directory.ctx.rng.fill(&mut sealed);
    sealed[0] = 1; // the version that every sealed value begins with
    let attempt = attempt::with_tenant(tenant, sealed);
    Ok(LoginStarted { attempt: attempt.into(), response: response.into(), identifiers: candidate.identifiers })
}
