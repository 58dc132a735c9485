//! Signing in by AppRole, and keeping the token good: renewed when two thirds of its time are over, replaced when the store does
//! not know it any more.

use std::sync::Arc;

use vaultrs::api::AuthInfo;
use vaultrs::auth::approle;
use vaultrs::client::VaultClient;
use vaultrs::token;

use super::super::{SecretsError, Unavailable};
use super::fault::Fault;
use super::session::{Session, clients};
use crate::parts::Credential;

/// A secret that was refused is tried again after so long; another one at once.
const REFUSED_MS: i64 = 5 * 60 * 1_000;
/// Where AppRole is enabled.
const APPROLE: &str = "approle";

/// A token, with a client for each node that shows it.
pub(super) struct Token {
    pub(super) clients: Vec<Arc<VaultClient>>,
    /// When it was given or renewed last, and for how long.
    since_ms: i64,
    ttl_ms: i64,
    /// For how long it was given at first.
    first_ttl_ms: i64,
    renewable: bool,
}

impl Token {
    /// That of somebody who has not signed in.
    pub(super) fn none() -> Self {
        Self { clients: Vec::new(), since_ms: 0, ttl_ms: 0, first_ttl_ms: 0, renewable: false }
    }
}

/// A secret id that the store did not take.
pub(super) struct Refused {
    secret_id: Credential,
    at_ms: i64,
}

impl Session {
    /// Whether the server does not know the token any more. Otherwise a refusal is meant as one.
    pub(super) async fn is_dead(&self, token: &Token) -> Result<bool, Fault> {
        match self.ask(&token.clients, &async |client: Arc<VaultClient>| token::lookup_self(&*client).await).await {
            Ok(_) => Ok(false),
            Err(Fault::Denied) => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    /// Signs in, unless somebody else has since `before` was the token. What was refused is not tried again at once: a store
    /// locks out who tries a wrong secret five times in a quarter of an hour.
    pub(super) async fn sign_in(&self, before: &Arc<Token>) -> Result<(), Unavailable> {
        let mut refused = self.signing_in.lock().await;
        if !Arc::ptr_eq(before, &self.token()) {
            return Ok(());
        }
        let role = &(self.sign_in)().map_err(|error| {
            tracing::error!(%error, "nothing to sign in with at the store of secrets");
            Unavailable::SignedOut
        })?;
        let asked_ms = self.clock.monotonic_ms();
        let again_ms = |refused: &Refused| refused.at_ms + REFUSED_MS;
        if refused.as_ref().is_some_and(|last| last.secret_id.is(&role.secret_id) && asked_ms < again_ms(last)) {
            return Err(Unavailable::SignedOut);
        }
        let login = async |client: Arc<VaultClient>| {
            approle::login(&*client, APPROLE, &role.role_id, role.secret_id.expose()).await
        };
        let given = match self.ask(&self.unknown, &login).await {
            Ok(given) => given,
            Err(Fault::Node(why)) => return Err(why),
            Err(Fault::Throttled) => return Err(Unavailable::Throttled),
            Err(_) => {
                tracing::error!("the store of secrets refuses the role or its secret id: give this program a new one");
                *refused = Some(Refused { secret_id: role.secret_id.clone(), at_ms: asked_ms });
                return Err(Unavailable::SignedOut);
            }
        };
        *refused = None;
        let ttl_ms = ttl_ms(&given);
        let Ok(clients) = clients(&self.nodes, &self.http, &given.client_token) else {
            return Err(Unavailable::SignedOut); // a token that can't stand in a header
        };
        let token = Token { clients, since_ms: asked_ms, ttl_ms, first_ttl_ms: ttl_ms, renewable: given.renewable };
        self.replace(token);
        self.metrics.signed_in.inc();
        Ok(())
    }

    /// Looks after the token: renews it if that is due and signs in anew if it can't be renewed, or for much longer; otherwise
    /// asks whether it is good, so that a store that was sealed is seen by a process nobody asks anything.
    pub(super) async fn tend(&self) -> Result<(), SecretsError> {
        self.find_leader().await;
        let token = self.token();
        if self.renewal_in_ms() > 0 {
            // A dead token is replaced by the call itself.
            self.call(async |client| token::lookup_self(&*client).await).await?;
            return Ok(());
        }
        let done = match token.renewable {
            true => self.renew(&token).await,
            false => Err(Fault::Denied),
        };
        let done = match done {
            Ok(()) => Ok(()),
            Err(fault) if fault.is_of_the_node() => Err(fault.into()),
            Err(_) => self.sign_in(&token).await.map_err(SecretsError::from),
        };
        self.metrics.renewed(done.is_ok());
        done
    }

    async fn renew(&self, token: &Arc<Token>) -> Result<(), Fault> {
        let asked_ms = self.clock.monotonic_ms();
        let given = self.ask(&token.clients, &async |client: Arc<VaultClient>| token::renew_self(&*client, None).await);
        let ttl_ms = ttl_ms(&given.await?);
        if ttl_ms < token.first_ttl_ms / 2 {
            return Err(Fault::Denied); // near the longest life that it may have
        }
        let clients = token.clients.clone();
        let (first_ttl_ms, renewable) = (token.first_ttl_ms, token.renewable);
        self.replace(Token { clients, since_ms: asked_ms, ttl_ms, first_ttl_ms, renewable });
        Ok(())
    }

    /// When the token has had two thirds of its time; zero or less if it has.
    pub(super) fn renewal_in_ms(&self) -> i64 {
        let token = self.token();
        token.since_ms + token.ttl_ms / 3 * 2 - self.clock.monotonic_ms()
    }

    /// How long ago the token was given or renewed.
    pub(super) fn token_age_ms(&self) -> i64 {
        self.clock.monotonic_ms() - self.token().since_ms
    }
}

fn ttl_ms(given: &AuthInfo) -> i64 {
    i64::try_from(given.lease_duration).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000)
}
