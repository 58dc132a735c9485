//! The line to the platform: one HTTPS address (C07), proofs of possession on every request, problems as typed errors,
//! and a bridge over short failures. Everything above talks in [`Request`]s and never sees a retry.

mod body;
mod dpop;
mod issuer;
mod request;
mod retry;
mod tls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use reqwest::Response;
use siegel_api::problem::ProblemBody;
use siegel_api::{DPOP_NONCE_HEADER, IDEMPOTENCY_KEY_HEADER};

use crate::error::{Code, Error, Problem, Result, Unreachable};
use crate::rng;
use crate::time::{WallClock, now_ms, sleep};

pub use body::Meter;
pub(crate) use body::{Interrupted, STALL, next_piece, whole};
pub(crate) use request::{Auth, Credentials, Payload, Request};
pub use retry::BRIDGE;
pub(crate) use retry::Budget;
pub use tls::{TlsError, Trust, ca_fingerprint};

/// Bytes of a JSON answer the client is willing to hold.
const JSON_LIMIT: usize = 4 * 1024 * 1024;
/// Bytes of a problem document.
const PROBLEM_LIMIT: usize = 64 * 1024;
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);

/// Told before each wait of a retry: how long, and why.
pub type OnWait = Arc<dyn Fn(Duration, &Error) + Send + Sync>;

/// How to reach a platform.
#[derive(Clone)]
pub struct Config {
    /// `https://host[:port]`, without a path. Plain `http` is accepted for loopback addresses only.
    pub url: String,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// How long failures are bridged; [`BRIDGE`] by default.
    pub bridge: Duration,
    /// Told before each wait; for programs with people in front of them.
    pub on_wait: Option<OnWait>,
    /// The device's clock: what it signs carries this time.
    pub clock: WallClock,
}

impl Config {
    /// The usual settings for an address.
    pub fn new(url: impl Into<String>, trust: Trust) -> Self {
        Self { url: url.into(), trust, bridge: BRIDGE, on_wait: None, clock: Arc::new(now_ms) }
    }
}

/// A line to one platform. Cheap to clone.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    /// HTTP/2, for calls and events.
    calls: reqwest::Client,
    /// HTTP/1.1, a connection each, for parts: no flow control window between the file and the line.
    bulk: reqwest::Client,
    origin: String,
    host: String,
    config: Config,
    seen: Arc<tls::Seen>,
    nonce: Mutex<Option<String>>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Http({})", self.0.origin)
    }
}

impl Http {
    /// Prepares the line; nothing is sent yet.
    pub fn new(config: Config) -> Result<Self> {
        let url = reqwest::Url::parse(&config.url).map_err(|error| Error::input("address", error))?;
        let host = url.host_str().ok_or_else(|| Error::input("address", "has no host"))?.to_owned();
        let loopback = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(Error::input("address", "has to begin with https://")),
        }
        if url.path() != "/" || url.query().is_some() || !url.username().is_empty() {
            return Err(Error::input("address", "has to be host and port only"));
        }
        let seen = Arc::new(tls::Seen::default());
        let tls = tls::config(&config.trust, &seen)?;
        let builder = |alpn_h2: bool| {
            let mut builder = reqwest::Client::builder()
                .user_agent(concat!("siegel/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT)
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .tcp_nodelay(true);
            if let Some(mut tls) = tls.clone() {
                if !alpn_h2 {
                    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
                }
                builder = builder.tls_backend_preconfigured(tls);
            }
            let builder = if alpn_h2 { builder } else { builder.http1_only() };
            builder.build().map_err(|error| Error::input("address", cause(&error)))
        };
        let port = url.port_or_known_default().unwrap_or(443);
        Ok(Self(Arc::new(Inner {
            calls: builder(true)?,
            bulk: builder(false)?,
            origin: url.origin().ascii_serialization(),
            host: format!("{host}:{port}"),
            config,
            seen,
            nonce: Mutex::new(None),
        })))
    }

    /// The address, `https://host[:port]`.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Sends a request until it is answered with success, refused for good, or the budget is used up.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<Response> {
        let mut budget = Budget::new(self.0.config.bridge);
        let idempotency_key = request.idempotency_key();
        let mut renewed = false;
        let mut nonce_given = false;
        loop {
            // Fetching a token has a budget of its own; when that is used up, so is ours.
            let token = request.auth.token(self).await?;
            let token = token.as_ref().map(|token| token.as_str());
            let error = match self.attempt(request, token, idempotency_key.as_deref()).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            match error.code() {
                Some(Code::UseDpopNonce) if !nonce_given => {
                    nonce_given = true;
                    continue;
                }
                Some(Code::TokenExpired | Code::Unauthenticated) if !renewed && request.auth.forget_token() => {
                    renewed = true;
                    continue;
                }
                _ => {}
            }
            self.wait_or(&mut budget, error, request.repeatable).await?;
        }
    }

    /// Waits before the next attempt, or gives the error back when there is none.
    pub(crate) async fn wait_or(&self, budget: &mut Budget, error: Error, repeatable: bool) -> Result<()> {
        if !repeatable || !error.retryable() {
            return Err(error);
        }
        let (asked, stubborn) = match &error {
            Error::Refused(problem) => (
                problem.retry_after_s.map(|s| Duration::from_secs(s.into())),
                matches!(problem.code, Code::Internal | Code::DigestMismatch | Code::Conflict | Code::UseDpopNonce),
            ),
            _ => (None, false),
        };
        let Some(wait) = budget.next(asked, stubborn, &mut rng::system()) else { return Err(error) };
        tracing::debug!(error = %error, wait_ms = wait.as_millis() as u64, "waiting before the next attempt");
        if let Some(on_wait) = &self.0.config.on_wait {
            on_wait(wait, &error);
        }
        sleep(wait).await;
        Ok(())
    }

    /// One attempt.
    async fn attempt(
        &self,
        request: &Request<'_>,
        token: Option<&str>,
        idempotency_key: Option<&str>,
    ) -> Result<Response> {
        let client = if request.bulk { &self.0.bulk } else { &self.0.calls };
        let mut builder = client.request(request.method.clone(), format!("{}{}", self.0.origin, request.path));
        let mut headers = request.headers.clone();
        if let Some(key) = idempotency_key {
            headers.insert(IDEMPOTENCY_KEY_HEADER, header(key));
        }
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, header(&format!("DPoP {token}")));
        }
        if let Some(key) = request.auth.key() {
            let url = format!("{}{}", self.0.origin, request.path.split('?').next().unwrap_or_default());
            let nonce = self.nonce();
            let proof = dpop::Proof {
                method: request.method.as_str(),
                url: &url,
                issued_s: (self.0.config.clock)() / 1000,
                token,
                nonce: nonce.as_deref(),
                unique: rng::bytes(),
            };
            headers.insert("dpop", header(&proof.sign(key)));
        }
        let attempt = Meter::default();
        builder = match &request.payload {
            Payload::None => builder,
            Payload::Json(json) => {
                headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                builder.body(json.clone())
            }
            Payload::Part(bytes, meter) => {
                headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
                let metered = body::Metered::new(bytes.clone(), attempt.clone(), meter.clone());
                builder.body(reqwest::Body::wrap(metered))
            }
        };
        let sent = builder.headers(headers).send();
        let answer = match &request.payload {
            Payload::Part(..) => tokio::select! {
                answer = sent => answer.map_err(|error| self.transport(&error)),
                () = body::stalled(&attempt) => Err(self.unreachable("the line stands still".to_owned())),
            },
            _ => tokio::select! {
                answer = sent => answer.map_err(|error| self.transport(&error)),
                () = sleep(ANSWER) => Err(self.unreachable(format!("no answer within {} s", ANSWER.as_secs()))),
            },
        };
        let result = match answer {
            Ok(response) => self.judge(request.route, response).await,
            Err(error) => Err(error),
        };
        if let (Err(_), Payload::Part(_, Some(meter))) = (&result, &request.payload) {
            meter.sub(attempt.bytes());
        }
        result
    }

    /// Success, or the problem the server names.
    async fn judge(&self, route: &'static str, response: Response) -> Result<Response> {
        if let Some(nonce) = response.headers().get(DPOP_NONCE_HEADER).and_then(|nonce| nonce.to_str().ok()) {
            *self.0.nonce.lock().expect("nothing panics while it is held") = Some(nonce.to_owned());
        }
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = retry_after_s(response.headers());
        let body = match whole(route, response, PROBLEM_LIMIT).await {
            Ok(Ok(body)) => body,
            _ => Vec::new(),
        };
        let mut problem = match serde_json::from_slice::<ProblemBody>(&body) {
            Ok(body) => Problem::from(body),
            // Not from the platform: a proxy or a load balancer in front of it.
            Err(_) if matches!(status.as_u16(), 429 | 502..=504) => Problem {
                code: Code::OverCapacity,
                code_text: Code::OverCapacity.as_str().to_owned(),
                status: status.as_u16(),
                title: "The host is not available at the moment".to_owned(),
                detail: None,
                retry_after_s: None,
                request_id: None,
                fields: Vec::new(),
            },
            Err(_) => return Err(Error::answer(route, format!("HTTP {} without a problem document", status.as_u16()))),
        };
        problem.retry_after_s = problem.retry_after_s.or(retry_after);
        Err(Error::Refused(Box::new(problem)))
    }

    fn nonce(&self) -> Option<String> {
        self.0.nonce.lock().expect("nothing panics while it is held").clone()
    }

    fn unreachable(&self, what: String) -> Error {
        Error::Unreachable(Box::new(Unreachable { host: self.0.host.clone(), what, proxy: proxy_in_use() }))
    }

    /// An interrupted download, as an error that may be retried.
    pub(crate) fn interrupted(&self, interrupted: Interrupted) -> Error {
        self.unreachable(interrupted.0)
    }

    /// A transport error as one of ours.
    fn transport(&self, error: &reqwest::Error) -> Error {
        let host = self.0.host.clone();
        if let Some(issuer) = self.0.seen.take() {
            return TlsError::NotPinned { host, issuer }.into();
        }
        match certificate_error(error) {
            Some(why) => TlsError::Invalid { host, why }.into(),
            None => self.unreachable(cause(error)),
        }
    }

    /// A request whose answer is JSON.
    pub(crate) async fn json<T: serde::de::DeserializeOwned>(&self, request: &Request<'_>) -> Result<T> {
        self.json_with_headers(request).await.map(|(body, _)| body)
    }

    /// The same, with the answer's headers (for `ETag`).
    pub(crate) async fn json_with_headers<T: serde::de::DeserializeOwned>(
        &self,
        request: &Request<'_>,
    ) -> Result<(T, HeaderMap)> {
        let mut budget = Budget::new(self.0.config.bridge);
        loop {
            let response = self.send(request).await?;
            let headers = response.headers().clone();
            match whole(request.route, response, JSON_LIMIT).await? {
                Ok(body) => {
                    let value = serde_json::from_slice(&body)
                        .map_err(|error| Error::answer(request.route, error.to_string()))?;
                    return Ok((value, headers));
                }
                // The answer broke off on its way: ask again, it is the same.
                Err(interrupted) => {
                    self.wait_or(&mut budget, self.interrupted(interrupted), request.repeatable).await?;
                }
            }
        }
    }

    /// A request whose answer's body does not matter.
    pub(crate) async fn done(&self, request: &Request<'_>) -> Result<()> {
        self.send(request).await.map(drop)
    }
}

fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("tokens, proofs and keys are base64 and dots")
}

fn retry_after_s(headers: &HeaderMap) -> Option<u32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// The innermost cause, which says most ("connection refused"), without addresses of requests.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if std::ptr::addr_eq(innermost, error) {
        return if error.is_timeout() { "no answer in time".to_owned() } else { "the connection failed".to_owned() };
    }
    innermost.to_string()
}

fn certificate_error(error: &reqwest::Error) -> Option<String> {
    let mut at: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = at {
        match error.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(why)) => return Some(why.to_string()),
            Some(rustls::Error::InvalidMessage(_)) => return Some("it does not speak TLS".to_owned()),
            Some(rustls::Error::NoCertificatesPresented) => return Some("it shows no certificate".to_owned()),
            Some(_) => return None,
            None => {}
        }
        // An io::Error is no source of itself, yet may hold another one.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        at = held.map(|held| held as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    None
}

/// The proxy that the environment names, without its password.
pub fn proxy_in_use() -> Option<String> {
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .map(|value| value.rsplit_once('@').map_or(value.clone(), |(_, host)| host.to_owned()))
}
