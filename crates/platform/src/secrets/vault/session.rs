//! Being signed in, and asking: every call has a deadline, goes to one node after the other until one answers, and signs in
//! again once if its token turns out to be dead. The leader is asked first: OpenBao's standbys answer reads by themselves, from
//! what they have heard of so far, and serve us when there is no leader. When no node could answer, the next calls fail at once for a second: a crowd
//! of requests does not wait one after the other for a store that is away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use vaultrs::api::AuthInfo;
use vaultrs::auth::approle;
use vaultrs::client::{VaultClient, VaultClientSettingsBuilder};
use vaultrs::error::ClientError;
use vaultrs::token;

use super::super::{SecretsError, Unavailable};
use super::fault::Fault;
use super::metrics::VaultMetrics;
use super::settings::{SignIn, VaultSettings};
use crate::clock::SharedClock;
use crate::parts::Credential;

/// How long a node has to accept a connection, and to answer.
const CONNECT: Duration = Duration::from_millis(1_000);
const ANSWER: Duration = Duration::from_millis(2_000);
/// Nobody is asked for so long after nobody could answer.
const PAUSE_MS: i64 = 1_000;
/// A secret that was refused is tried again after so long; another one at once.
const REFUSED_MS: i64 = 5 * 60 * 1_000;
/// Where AppRole is enabled.
const APPROLE: &str = "approle";

/// The store's nodes, and what we are signed in with.
pub(super) struct Session {
    nodes: Vec<String>,
    http: reqwest::Client,
    sign_in: SignIn,
    token: RwLock<Arc<Token>>,
    /// Clients without a token.
    unknown: Vec<Arc<VaultClient>>,
    /// One signs in at a time; and what was refused last.
    signing_in: tokio::sync::Mutex<Option<Refused>>,
    /// The leader, or the node that answered last.
    preferred: AtomicUsize,
    away: Mutex<Option<Away>>,
    clock: SharedClock,
    pub(super) metrics: VaultMetrics,
}

/// A secret id that the store did not take.
struct Refused {
    secret_id: Credential,
    at_ms: i64,
}

/// Since when nobody answers, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Away {
    pub(super) since_ms: i64,
    pub(super) why: Unavailable,
    asked_ms: i64,
}

/// A token, with a client for each node that shows it.
struct Token {
    clients: Vec<Arc<VaultClient>>,
    /// When it was given or renewed last, and for how long.
    since_ms: i64,
    ttl_ms: i64,
    /// For how long it was given at first.
    first_ttl_ms: i64,
    renewable: bool,
}

impl Session {
    pub(super) async fn open(
        settings: VaultSettings,
        clock: SharedClock,
        metrics: VaultMetrics,
    ) -> Result<Self, SecretsError> {
        let VaultSettings { nodes, ca_file, sign_in } = settings;
        let said = |what: &str| SecretsError::Settings(what.to_owned());
        if nodes.is_empty() {
            return Err(said("[vault] names no node"));
        }
        let pem = std::fs::read(&ca_file).map_err(|source| SecretsError::Io { path: ca_file, source })?;
        let ca =
            reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| said("ca_file holds no certificate in PEM"))?;
        let http = reqwest::Client::builder()
            .tls_certs_only(ca)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none()) // the token stays with the nodes that were named
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .build()
            .map_err(|_| said("a client with this CA can't be made"))?;
        let nobody = Token { clients: Vec::new(), since_ms: 0, ttl_ms: 0, first_ttl_ms: 0, renewable: false };
        let unknown = clients(&nodes, &http, "")?;
        let session = Self {
            unknown,
            nodes,
            http,
            sign_in,
            token: RwLock::new(Arc::new(nobody)),
            signing_in: tokio::sync::Mutex::default(),
            preferred: AtomicUsize::default(),
            away: Mutex::default(),
            clock,
            metrics,
        };
        session.find_leader().await;
        session.sign_in(&session.token()).await?;
        Ok(session)
    }

    /// Asks the leader first from now on, if there is one and it is not known.
    async fn find_leader(&self) {
        let first = self.preferred.load(Ordering::Relaxed);
        for node in (0..self.nodes.len()).map(|turn| (first + turn) % self.nodes.len()) {
            // 200 from the leader, 429 from a standby.
            let health = self.http.get(format!("{}/v1/sys/health", self.nodes[node].trim_end_matches('/')));
            if health.send().await.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK) {
                self.preferred.store(node, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Asks. `question` gets a client that is signed in; it may be asked more than once, so what it does may be done twice.
    pub(super) async fn call<T, F, A>(&self, question: F) -> Result<T, Fault>
    where
        F: Fn(Arc<VaultClient>) -> A,
        A: Future<Output = Result<T, ClientError>>,
    {
        let now_ms = self.clock.monotonic_ms();
        if let Some(away) = self.away().filter(|away| now_ms < away.asked_ms + PAUSE_MS) {
            return Err(Fault::Node(away.why));
        }
        let token = self.token();
        match self.ask(&token.clients, &question).await {
            Err(Fault::Denied) if self.is_dead(&token).await? => {
                if let Err(why) = self.sign_in(&token).await {
                    self.is_away(why);
                    return Err(Fault::Node(why));
                }
                self.ask(&self.token().clients, &question).await
            }
            answer => answer,
        }
    }

    /// Asks one node after the other, the preferred one first.
    async fn ask<T, F, A>(&self, clients: &[Arc<VaultClient>], question: &F) -> Result<T, Fault>
    where
        F: Fn(Arc<VaultClient>) -> A,
        A: Future<Output = Result<T, ClientError>>,
    {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut why = Unavailable::Unreachable;
        for node in (0..clients.len()).map(|turn| (first + turn) % clients.len()) {
            let fault = match question(clients[node].clone()).await {
                Ok(answer) => {
                    self.answered(node);
                    return Ok(answer);
                }
                Err(error) => Fault::of(&error),
            };
            self.metrics.failed(fault.word());
            match fault {
                Fault::Node(Unavailable::Sealed) => why = Unavailable::Sealed,
                Fault::Node(_) => {}
                // Perhaps of a dead token: not a sign that all is well.
                Fault::Denied => return Err(fault),
                fault => {
                    self.answered(node);
                    return Err(fault);
                }
            }
        }
        self.is_away(why);
        Err(Fault::Node(why))
    }

    fn is_away(&self, why: Unavailable) {
        let now_ms = self.clock.monotonic_ms();
        let mut away = self.lock_away();
        let since_ms = away.map_or(now_ms, |away| away.since_ms);
        if away.is_none_or(|away| away.why != why) {
            tracing::error!(
                why = why.word(),
                "the store of secrets is away: keys that are open go on for five minutes"
            );
        }
        *away = Some(Away { since_ms, why, asked_ms: now_ms });
        self.metrics.up.set(0);
    }

    fn answered(&self, node: usize) {
        self.preferred.store(node, Ordering::Relaxed);
        if self.lock_away().take().is_some() {
            tracing::info!("the store of secrets is back");
        }
        self.metrics.up.set(1);
    }

    /// Whether the server does not know the token any more. Otherwise a refusal is meant as one.
    async fn is_dead(&self, token: &Token) -> Result<bool, Fault> {
        match self.ask(&token.clients, &async |client: Arc<VaultClient>| token::lookup_self(&*client).await).await {
            Ok(_) => Ok(false),
            Err(Fault::Denied) => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    /// Signs in, unless somebody else has since `before` was the token. What was refused is not tried again at once: a store
    /// locks out who tries a wrong secret five times in a quarter of an hour.
    async fn sign_in(&self, before: &Arc<Token>) -> Result<(), Unavailable> {
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

    /// Since when nobody answers, if nobody does.
    pub(super) fn away(&self) -> Option<Away> {
        *self.lock_away()
    }

    fn token(&self) -> Arc<Token> {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, token: Token) {
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(token);
    }

    fn lock_away(&self) -> MutexGuard<'_, Option<Away>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client for each node that shows this token.
fn clients(nodes: &[String], http: &reqwest::Client, token: &str) -> Result<Vec<Arc<VaultClient>>, SecretsError> {
    let client = |node: &String| {
        let said = || SecretsError::Settings(format!("{node} is not an address: write https://host:port"));
        let address = reqwest::Url::parse(node).ok().filter(|url| url.scheme() == "https").ok_or_else(said)?;
        // Each setting by hand: what is left out would be taken from variables of the environment.
        let settings = VaultClientSettingsBuilder::default()
            .address(address)
            .ca_certs(Vec::new())
            .identity(None)
            .token(token)
            .verify(true)
            .build()
            .map_err(|_| said())?;
        let mut client = VaultClient::new(settings).map_err(|_| said())?;
        client.http.http = http.clone(); // one pool of connections, with our CA and deadlines
        Ok(Arc::new(client))
    };
    nodes.iter().map(client).collect()
}

fn ttl_ms(given: &AuthInfo) -> i64 {
    i64::try_from(given.lease_duration).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000)
}
