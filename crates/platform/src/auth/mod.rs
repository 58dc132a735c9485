//! Who is calling. Access tokens are short, signed by the key directory and bound to a device's key (DPoP, RFC 9449):
//! each request proves the key anew, for this method, this address, this token and the server's nonce of this minute.
//!
//! ```text
//! request ─► attach (layer): token ─► proof ─► nonce ─► first use ─► session alive ─► share ([`crate::quota`]) ─► handler
//! ```
//!
//! The layer goes around the routes once (`.layer(from_fn_with_state(auth, auth::attach))`). It finds out who calls and
//! counts it against the share of their institution; a route is private by taking a [`Caller`], and open otherwise.
//! Everything fails closed: what can't be checked is refused. The keys and the revocations come from the key directory over
//! gRPC, in process or not.

mod caller;
mod dpop;
mod feed;
mod nonce;
mod replay;
mod token;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{OriginalUri, Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use siegel_api::DPOP_NONCE_HEADER;
use siegel_domain::{SessionId, Timestamp};
use siegel_proto::keydirectory::v1::key_directory_service_client::KeyDirectoryServiceClient;
use siegel_proto::keydirectory::v1::{GetTokenKeysRequest, GetTokenKeysResponse};
use tokio::sync::Mutex;

use crate::clock::SharedClock;
use crate::peer::{Peer, ask};
use crate::problem::{Problem, Reason};
use crate::quota::Quotas;
use crate::tasks::{Shutdown, Tasks};

#[cfg(feature = "testing")]
pub use caller::Assumed;
use caller::Verdict;
pub use caller::{Caller, DeviceProof};
pub use dpop::{Proof, ProofError, thumbprint};
pub use token::{Claims, SignerError, TOKEN_LIFE_S, TokenError, TokenSigner, TokenSubject, TokenVerifier};

const DPOP: HeaderName = HeaderName::from_static("dpop");
/// Headers longer than this are refused unread.
const MAX_HEADER_BYTES: usize = 4_096;
/// How long fetching the keys may take.
const FETCH_MS: i64 = 1_000;
/// An unknown key name makes us fetch the keys anew, but not more often than this.
const REFETCH_MS: i64 = 5_000;

/// Checks requests. One for each process.
pub struct Auth {
    clock: SharedClock,
    public_url: String,
    client: KeyDirectoryServiceClient<Peer>,
    sessions: feed::Sessions,
    replay: replay::Replay,
    quotas: Arc<Quotas>,
    keys: RwLock<Option<Arc<Keys>>>,
    /// When the keys were last fetched, on the monotonic clock; held while they are fetched.
    fetched_ms: Mutex<Option<i64>>,
}

struct Keys {
    tokens: TokenVerifier,
    nonces: nonce::Nonces,
}

impl Auth {
    /// Checks requests to `public_url` (no slash at the end) by what the key directory at `client` says, and counts them
    /// against `quotas`.
    pub fn new(
        clock: SharedClock,
        public_url: &str,
        client: KeyDirectoryServiceClient<Peer>,
        quotas: Arc<Quotas>,
    ) -> Arc<Self> {
        Arc::new(Self {
            sessions: feed::Sessions::new(clock.clone(), client.clone()),
            clock,
            public_url: public_url.to_owned(),
            client,
            replay: replay::Replay::default(),
            quotas,
            keys: RwLock::default(),
            fetched_ms: Mutex::default(),
        })
    }

    /// Starts following the revocation feed. Without it every request asks the key directory.
    pub fn start(self: &Arc<Self>, tasks: &Tasks, shutdown: &Shutdown) {
        let (auth, shutdown) = (self.clone(), shutdown.clone());
        tasks.spawn("auth.revocations", async move { auth.sessions.follow(shutdown).await });
    }

    /// These sessions ended. For the key directory itself, whose own process then knows before it answers; the others
    /// hear it from the feed.
    pub fn ended(&self, sessions: impl IntoIterator<Item = SessionId>) {
        self.sessions.ended(sessions);
    }

    /// Who sends this request.
    async fn caller(&self, parts: &Parts) -> Result<Caller, Problem> {
        let token = access_token(&parts.headers)?;
        let claims = self.token(token).await?;
        let proof = self.proof(parts, Some(token)).await?;
        if proof.thumbprint != claims.cnf.jkt {
            return Err(
                challenge(Reason::Unauthenticated, "invalid_token").detail("The token is bound to another key.")
            );
        }
        let issued = Timestamp(claims.iat.saturating_mul(1_000));
        match self.sessions.alive(claims.tnt, claims.sid, issued).await {
            Ok(true) => Ok(Caller {
                principal: claims.sub,
                tenant: claims.tnt,
                device: claims.dev,
                session: claims.sid,
                role: claims.rol,
                confirmed: claims.cfd,
            }),
            Ok(false) => Err(challenge(Reason::SessionRevoked, "invalid_token")),
            Err(unknown) => Err(Problem::new(Reason::NotReady).retry_after_s(1).caused_by(unknown)),
        }
    }

    /// Whether the session of `caller`, which was alive at `then`, still is: for answers that outlive their token, such as
    /// streams of events. Costs nothing while the revocation feed is heard.
    pub async fn lives(&self, caller: &Caller, then: Timestamp) -> Result<bool, Problem> {
        let verdict = self.sessions.alive(caller.tenant, caller.session, then).await;
        verdict.map_err(|unknown| Problem::new(Reason::NotReady).retry_after_s(1).caused_by(unknown))
    }

    async fn token(&self, token: &str) -> Result<Claims, Problem> {
        let mut verdict = self.keys().await?.tokens.verify(token, self.clock.now());
        if verdict == Err(TokenError::UnknownKey) {
            verdict = self.refetched().await?.tokens.verify(token, self.clock.now());
        }
        verdict.map_err(|error| match error {
            TokenError::Expired => challenge(Reason::TokenExpired, "invalid_token"),
            TokenError::Invalid | TokenError::UnknownKey => challenge(Reason::Unauthenticated, "invalid_token"),
        })
    }

    /// The proof of this request, for `token` if one comes with it. Good once.
    async fn proof(&self, parts: &Parts, token: Option<&str>) -> Result<Proof, Problem> {
        let text = only(&parts.headers, &DPOP).map_err(refused)?;
        let path = parts.extensions.get::<OriginalUri>().map_or(parts.uri.path(), |uri| uri.0.path());
        let url = format!("{}{path}", self.public_url);
        let now = self.clock.now();
        let expected = dpop::Expected { method: parts.method.as_str(), url: &url, token, now };
        let proof = dpop::verify(text, expected).map_err(|error| refused(error.to_string()))?;

        let keys = self.keys().await?;
        let Some(bucket) = proof.nonce.as_deref().and_then(|nonce| keys.nonces.accepts(nonce, now)) else {
            let problem = challenge(Reason::UseDpopNonce, "use_dpop_nonce");
            return Err(match header_value(&keys.nonces.current(now)) {
                Some(nonce) => problem.header(HeaderName::from_static(DPOP_NONCE_HEADER), nonce),
                None => problem,
            });
        };
        match self.replay.first_use(bucket, &proof.thumbprint, &proof.jti) {
            Ok(()) => Ok(proof),
            Err(replay::Refused::Replayed) => {
                Err(refused("The DPoP proof was used before; make a new one for each request."))
            }
            Err(replay::Refused::Full) => Err(Reason::OverCapacity.into()),
        }
    }

    /// The keys, fetched when first needed.
    async fn keys(&self) -> Result<Arc<Keys>, Problem> {
        if let Some(keys) = self.known_keys() {
            return Ok(keys);
        }
        let mut fetched_ms = self.fetched_ms.lock().await;
        match self.known_keys() {
            Some(keys) => Ok(keys),
            None => self.fetch(&mut fetched_ms).await,
        }
    }

    /// The keys, fetched again unless that was done a moment ago.
    async fn refetched(&self) -> Result<Arc<Keys>, Problem> {
        let mut fetched_ms = self.fetched_ms.lock().await;
        let recently = fetched_ms.is_some_and(|at| self.clock.monotonic_ms() - at < REFETCH_MS);
        match self.known_keys() {
            Some(keys) if recently => Ok(keys),
            _ => self.fetch(&mut fetched_ms).await,
        }
    }

    async fn fetch(&self, fetched_ms: &mut Option<i64>) -> Result<Arc<Keys>, Problem> {
        let mut client = self.client.clone();
        let not_ready = || Problem::new(Reason::NotReady).retry_after_s(1);
        let answer = ask(&self.clock, FETCH_MS, client.get_token_keys(GetTokenKeysRequest {})).await;
        let answer = answer.ok_or_else(not_ready)?.map_err(|status| not_ready().caused_by(status))?;
        let keys = Arc::new(Keys::from_answer(answer.into_inner(), &self.public_url).ok_or_else(not_ready)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys.clone());
        *fetched_ms = Some(self.clock.monotonic_ms());
        Ok(keys)
    }

    fn known_keys(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Keys {
    fn from_answer(answer: GetTokenKeysResponse, issuer: &str) -> Option<Self> {
        let secret = answer.nonce_secret.try_into().ok()?;
        let keys = answer.keys.into_iter().filter_map(|key| Some((key.kid, key.public_key.try_into().ok()?)));
        Some(Self { tokens: TokenVerifier::new(keys, issuer), nonces: nonce::Nonces::new(&secret) })
    }
}

/// The layer: finds out who calls, lets them in if their institution's share is not used up, and hands out the next nonce
/// with every answer to a proof, so that a client is not refused each minute.
pub async fn attach(State(auth): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    let proved = request.headers().contains_key(&DPOP);
    let mut response = admit(&auth, request, next).await;
    let nonce_header = HeaderName::from_static(DPOP_NONCE_HEADER);
    if proved
        && !response.headers().contains_key(&nonce_header)
        && let Some(keys) = auth.known_keys()
        && let Some(nonce) = header_value(&keys.nonces.current(auth.clock.now()))
    {
        response.headers_mut().insert(nonce_header, nonce);
    }
    response
}

/// Whoever can't show who they are goes on as nobody: an open route answers them, a private one says what is wrong.
async fn admit(auth: &Arc<Auth>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    head.extensions.insert(auth.clone());
    if !head.headers.contains_key(AUTHORIZATION) {
        return next.run(Request::from_parts(head, body)).await;
    }
    let verdict = auth.caller(&head).await;
    let place = match &verdict {
        Ok(caller) => {
            caller.note();
            match auth.quotas.enter(caller.whose(), &body) {
                Ok(place) => Some(place),
                Err(used_up) => return used_up.into_response(),
            }
        }
        Err(_) => None,
    };
    head.extensions.insert(Verdict(verdict));
    let Some(place) = place else { return next.run(Request::from_parts(head, body)).await };
    let body = place.incoming(body);
    let answer = next.run(Request::from_parts(head, body)).await;
    place.outgoing(answer)
}

fn access_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = only(headers, &AUTHORIZATION).map_err(|what| challenge(Reason::Unauthenticated, "").detail(what))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("DPoP") => Ok(token.trim_matches(' ')),
        _ => {
            Err(challenge(Reason::Unauthenticated, "invalid_token").detail("The Authorization scheme has to be DPoP."))
        }
    }
}

/// The one value of a header: two of them could be read as different things by different parts (RFC 9449 § 4.3).
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, &'static str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) if value.len() <= MAX_HEADER_BYTES => {
            value.to_str().map_err(|_| "A header is not plain text.")
        }
        (Some(_), None) => Err("A header is too long."),
        (Some(_), Some(_)) => Err("A header stands there twice."),
        (None, _) if *name == DPOP => Err("The request needs a DPoP proof (RFC 9449)."),
        (None, _) => Err("Sign in first."),
    }
}

/// RFC 9449 § 7.1.
fn challenge(reason: Reason, error: &'static str) -> Problem {
    let value = match error {
        "" => HeaderValue::from_static(r#"DPoP algs="EdDSA""#),
        "use_dpop_nonce" => HeaderValue::from_static(r#"DPoP error="use_dpop_nonce", algs="EdDSA""#),
        "invalid_dpop_proof" => HeaderValue::from_static(r#"DPoP error="invalid_dpop_proof", algs="EdDSA""#),
        _ => HeaderValue::from_static(r#"DPoP error="invalid_token", algs="EdDSA""#),
    };
    Problem::new(reason).header(WWW_AUTHENTICATE, value)
}

fn refused(what: impl Into<Cow<'static, str>>) -> Problem {
    challenge(Reason::Unauthenticated, "invalid_dpop_proof").detail(what)
}

fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}
