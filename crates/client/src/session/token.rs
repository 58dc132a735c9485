//! Tokens: five minutes at most, bound to the device's key, fetched when needed and renewed before they run out.

use std::time::Duration;

use siegel_api::auth::{Challenge, ChallengeRequest, RenewRequest, TokenAnswer, TokenRequest, Who};
use siegel_crypto::SigningSecretKey;
use siegel_domain::{Principal, SessionId};
use siegel_envelope::cbor::Blob;
use siegel_envelope::login::ChallengeBody;
use zeroize::Zeroizing;

use super::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Auth, Credentials, Http, Request};
use crate::time::Moment;

/// A token this near to its end is renewed first: a request takes a while, too.
const SPARE: Duration = Duration::from_secs(30);

/// The current token and the session it belongs to.
#[derive(Default)]
pub(super) struct Tokens {
    session: Option<SessionId>,
    current: Option<Token>,
}

struct Token {
    text: Zeroizing<String>,
    got: Moment,
    lasts: Duration,
}

impl Tokens {
    pub(super) fn of(session: Option<SessionId>) -> Self {
        Self { session, current: None }
    }

    pub(super) fn set(&mut self, answer: TokenAnswer) {
        self.session = Some(answer.session);
        self.current = Some(Token {
            text: Zeroizing::new(answer.access_token),
            got: Moment::now(),
            lasts: Duration::from_secs(answer.expires_in_s.into()),
        });
    }

    fn usable(&self) -> Option<Zeroizing<String>> {
        let token = self.current.as_ref()?;
        (token.got.elapsed() + SPARE.min(token.lasts / 4) < token.lasts).then(|| token.text.clone())
    }
}

impl Credentials for Session {
    fn key(&self) -> &SigningSecretKey {
        &self.0.keys.sign
    }

    fn token<'a>(&'a self, http: &'a Http) -> futures::future::BoxFuture<'a, Result<Zeroizing<String>>> {
        Box::pin(async move {
            let mut tokens = self.0.token.lock().await;
            if let Some(token) = tokens.usable() {
                return Ok(token);
            }
            let answer = self.fetch(http, tokens.session).await?;
            let text = Zeroizing::new(answer.access_token.clone());
            tokens.set(answer);
            Ok(text)
        })
    }

    fn forget_token(&self) {
        // If someone is fetching one at the moment, that one is new enough.
        if let Ok(mut tokens) = self.0.token.try_lock() {
            tokens.current = None;
        }
    }
}

impl Session {
    async fn fetch(&self, http: &Http, session: Option<SessionId>) -> Result<TokenAnswer> {
        let machine = !matches!(self.0.profile.principal, Principal::Member(_));
        match session {
            Some(session) => match self.renew(http, session).await {
                // A machine needs nobody to sign in again.
                Err(error) if machine && is_over(&error) => self.challenge(http).await,
                other => other,
            },
            None if machine => self.challenge(http).await,
            None => Err(Error::Locked),
        }
    }

    async fn renew(&self, http: &Http, session: SessionId) -> Result<TokenAnswer> {
        let body = RenewRequest { session, tenant: self.0.profile.tenant.as_ref().map(|tenant| tenant.id) };
        let request = Request::new("POST /v1/auth/renew", &[], Auth::Key(&self.0.keys.sign)).json(&body);
        http.json(&request).await
    }

    /// A machine's login: it signs what the server draws.
    async fn challenge(&self, http: &Http) -> Result<TokenAnswer> {
        let device = self.0.profile.device;
        let tenant = self.0.profile.tenant.as_ref().map(|tenant| tenant.id);
        let auth = Auth::Key(&self.0.keys.sign);
        let request = Request::new("POST /v1/auth/challenge", &[], auth).json(&ChallengeRequest { device, tenant });
        let challenge: Challenge = http.json(&request).await?;
        let body = ChallengeBody {
            challenge: Blob(challenge.challenge.to_vec()),
            device,
            tenant,
            audience: http.origin().to_owned(),
        };
        let signed = self.0.keys.sign.sign(body).to_bytes().into();
        let answer = TokenRequest { device, tenant, challenge: challenge.challenge, signed };
        http.json(&Request::new("POST /v1/auth/token", &[], auth).json(&answer)).await
    }

    /// Who the platform takes this for.
    pub async fn who(&self) -> Result<Who> {
        self.0.http.json(&Request::new("GET /v1/auth/session", &[], self.auth())).await
    }

    /// Ends the session at the platform.
    pub async fn sign_out(&self) -> Result<()> {
        self.0.http.done(&Request::new("DELETE /v1/auth/session", &[], self.auth())).await
    }
}

fn is_over(error: &Error) -> bool {
    matches!(error.code(), Some(Code::SessionRevoked | Code::Unauthenticated | Code::NotFound))
}
