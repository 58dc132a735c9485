//! Being signed in, and asking: every call has a deadline, goes to one node after the other until one answers, and signs in
//! again once if its token turns out to be dead. The leader is asked first: OpenBao's standbys answer reads by themselves, from
//! what they have heard of so far, and serve us when there is no leader. When no node could answer, the next calls fail at once for a second: a crowd
//! of requests does not wait one after the other for a store that is away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use vaultrs::client::{VaultClient, VaultClientSettingsBuilder};
use vaultrs::error::ClientError;

use super::super::{SecretsError, Unavailable};
use super::fault::Fault;
use super::metrics::VaultMetrics;
use super::settings::{SignIn, VaultSettings};
use super::token::{Refused, Token};
use crate::clock::SharedClock;

/// How long a node has to accept a connection, and to answer.
const CONNECT: Duration = Duration::from_millis(1_000);
const ANSWER: Duration = Duration::from_millis(2_000);
/// Nobody is asked for so long after nobody could answer.
const PAUSE_MS: i64 = 1_000;
/// The store's nodes, and what we are signed in with.
pub(super) struct Session {
    pub(super) nodes: Vec<String>,
    pub(super) http: reqwest::Client,
    pub(super) sign_in: SignIn,
    token: RwLock<Arc<Token>>,
    /// Clients without a token.
    pub(super) unknown: Vec<Arc<VaultClient>>,
    /// One signs in at a time; and what was refused last.
    pub(super) signing_in: tokio::sync::Mutex<Option<Refused>>,
    /// The node that led when we last looked.
    leader: AtomicUsize,
    /// The leader, or the node that answered last.
    preferred: AtomicUsize,
    away: Mutex<Option<Away>>,
    pub(super) clock: SharedClock,
    pub(super) metrics: VaultMetrics,
}

/// Since when nobody answers, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Away {
    pub(super) since_ms: i64,
    pub(super) why: Unavailable,
    asked_ms: i64,
}

impl Session {
    pub(super) async fn open(
        settings: VaultSettings,
        clock: SharedClock,
        metrics: VaultMetrics,
    ) -> Result<Self, SecretsError> {
        let VaultSettings { nodes, ca_file, sign_in, .. } = settings;
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
            .http1_only() // a call that gets no answer takes its connection with it, and no other call
            .redirect(reqwest::redirect::Policy::none()) // the token stays with the nodes that were named
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .build()
            .map_err(|_| said("a client with this CA can't be made"))?;
        let unknown = clients(&nodes, &http, "")?;
        let session = Self {
            unknown,
            nodes,
            http,
            sign_in,
            token: RwLock::new(Arc::new(Token::none())),
            signing_in: tokio::sync::Mutex::default(),
            leader: AtomicUsize::new(usize::MAX),
            preferred: AtomicUsize::default(),
            away: Mutex::default(),
            clock,
            metrics,
        };
        session.find_leader().await;
        session.sign_in(&session.token()).await?;
        Ok(session)
    }

    /// Looks at all nodes at once: asks the leader first from now on, if there is one, and shows how many of them are sealed
    /// or away. One of three costs nobody anything, and the next one everybody.
    pub(super) async fn find_leader(&self) {
        let seen = futures::future::join_all(self.nodes.iter().map(|node| self.health(node))).await;
        let statuses: Vec<_> = seen
            .iter()
            .map(|status| match status {
                Ok(200 | 429) => "open",   // the leader, a standby
                Ok(501 | 503) => "sealed", // or nobody has made it ready yet
                _ => "away",
            })
            .collect();
        self.metrics.store.nodes(&statuses);
        if let Some(leader) = seen.iter().position(|status| matches!(status, Ok(200))) {
            self.leader.store(leader, Ordering::Relaxed);
            self.preferred.store(leader, Ordering::Relaxed);
        }
    }

    /// Whether this node leads, by its own word now. The one that led when we last looked may have lost an election since and live
    /// on as a standby: what was written after that it would say is not there.
    async fn leads(&self, node: usize) -> bool {
        let leads = matches!(self.health(&self.nodes[node]).await, Ok(200));
        let known = self.leader.load(Ordering::Relaxed) == node;
        if leads != known {
            self.find_leader().await;
        }
        leads
    }

    async fn health(&self, node: &str) -> reqwest::Result<u16> {
        let answer = self.http.get(format!("{}/v1/sys/health", node.trim_end_matches('/'))).send().await;
        answer.map(|answer| answer.status().as_u16())
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
    pub(super) async fn ask<T, F, A>(&self, clients: &[Arc<VaultClient>], question: &F) -> Result<T, Fault>
    where
        F: Fn(Arc<VaultClient>) -> A,
        A: Future<Output = Result<T, ClientError>>,
    {
        let first = self.preferred.load(Ordering::Relaxed);
        let (mut why, mut late, mut last) = (Unavailable::Unreachable, false, None);
        for node in (0..clients.len()).map(|turn| (first + turn) % clients.len()) {
            let fault = match question(clients[node].clone()).await {
                Ok(answer) => {
                    self.answered(node);
                    return Ok(answer);
                }
                Err(error) => Fault::of(&error),
            };
            if !fault.is_usual() {
                self.metrics.failed(fault.word());
            }
            match fault {
                Fault::Node(Unavailable::Sealed) => why = Unavailable::Sealed,
                Fault::Node(_) => {}
                // A standby may not have heard of it yet; the leader's word counts, or another's who has.
                fault if fault.may_be_late() && !self.leads(node).await => late = true,
                fault => {
                    last = Some((node, fault));
                    break;
                }
            }
        }
        let Some((node, fault)) = last else {
            // Standbys that can't know, and no leader: a moment later one is elected.
            if !late {
                self.is_away(why);
            }
            return Err(Fault::Node(why));
        };
        // Any other refusal is perhaps of a dead token or a wrong secret: not a sign that all is well.
        if fault.is_usual() {
            self.answered(node);
        }
        Err(fault)
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
        self.metrics.store.up(false);
    }

    fn answered(&self, node: usize) {
        self.preferred.store(node, Ordering::Relaxed);
        if self.lock_away().take().is_some() {
            tracing::info!("the store of secrets is back");
        }
        self.metrics.store.up(true);
    }

    /// Since when nobody answers, if nobody does.
    pub(super) fn away(&self) -> Option<Away> {
        *self.lock_away()
    }

    pub(super) fn token(&self) -> Arc<Token> {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, token: Token) {
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(token);
    }

    fn lock_away(&self) -> MutexGuard<'_, Option<Away>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client for each node that shows this token.
pub(super) fn clients(
    nodes: &[String],
    http: &reqwest::Client,
    token: &str,
) -> Result<Vec<Arc<VaultClient>>, SecretsError> {
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
