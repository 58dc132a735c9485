//! A platform of a few lines: it issues tokens to a dealer and lets each test say what else it answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use siegel_client::domain::{DealerId, DeviceId, Role};
use siegel_client::profile::{Profile, ProfileDir};
use siegel_client::{Session, SignIn, rng};
use siegel_crypto::DeviceKeys;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) what: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The claims of the DPoP proof.
    pub(crate) fn proof(&self) -> Value {
        let proof = self.header("dpop").expect("a proof");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(proof.split('.').nth(1).unwrap()).unwrap()).unwrap()
    }
}

type Answers = VecDeque<(&'static str, Response)>;

/// The server's side.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    answers: Arc<Mutex<Answers>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Starts on a port of its own; the address is a loopback one, where plain HTTP is accepted.
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let fake = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(fake.clone());
        #[expect(clippy::disallowed_methods, reason = "the test's server ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        (fake, address)
    }

    /// Answers the next request of that kind so, instead of as usual.
    pub(crate) fn next(&self, what: &'static str, answer: Response) {
        self.answers.lock().unwrap().push_back((what, answer));
    }

    /// Requests of that kind, in order.
    pub(crate) fn seen(&self, what: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.what == what).cloned().collect()
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let what = format!("{} {}", parts.method, parts.uri.path());
    let body = to_bytes(body, 64 * 1024 * 1024).await.unwrap_or_default().to_vec();
    fake.seen.lock().unwrap().push(Seen { what: what.clone(), headers: parts.headers, body });
    let mut answers = fake.answers.lock().unwrap();
    if let Some(at) = answers.iter().position(|(wanted, _)| *wanted == what) {
        return answers.remove(at).unwrap().1;
    }
    match what.as_str() {
        "POST /v1/auth/challenge" => ok(json!({ "challenge": "AAAA", "expires_ms": 0 })),
        "POST /v1/auth/token" => token("first", 300),
        "POST /v1/auth/renew" => token("renewed", 300),
        "GET /v1/auth/session" => ok(who()),
        _ => problem(404, "not-found", None),
    }
}

pub(crate) fn ok(body: Value) -> Response {
    axum::Json(body).into_response()
}

/// A token answer.
pub(crate) fn token(text: &str, expires_in_s: u32) -> Response {
    ok(json!({
        "access_token": text, "token_type": "DPoP", "expires_in_s": expires_in_s,
        "session": siegel_client::domain::SessionId::from_bytes([9; 16]).to_string(), "who": who(),
    }))
}

pub(crate) fn who() -> Value {
    json!({
        "principal": DealerId::from_bytes([1; 16]).to_string(), "tenant": null,
        "device": DeviceId::from_bytes([2; 16]).to_string(), "role": "dealer", "confirmed": true,
    })
}

/// A problem document.
pub(crate) fn problem(status: u16, code: &str, retry_after_s: Option<u32>) -> Response {
    let body = json!({
        "type": "about:blank", "code": code, "title": code, "status": status, "retry_after_s": retry_after_s,
        "request_id": "req-1",
    });
    let mut answer = Response::builder().status(status).header("content-type", "application/problem+json");
    if let Some(seconds) = retry_after_s {
        answer = answer.header("retry-after", seconds);
    }
    answer.body(Body::from(body.to_string())).unwrap()
}

/// The refusal that hands out a nonce.
pub(crate) fn use_nonce(nonce: &str) -> Response {
    let mut answer = problem(401, "use-dpop-nonce", None);
    answer.headers_mut().insert("dpop-nonce", nonce.parse().unwrap());
    answer
}

/// What a proxy answers when the platform is away.
pub(crate) fn from_a_proxy(status: u16) -> Response {
    (StatusCode::from_u16(status).unwrap(), "<html>Bad Gateway</html>").into_response()
}

/// A dealer's profile at `url`.
pub(crate) fn dealer(dir: &std::path::Path, url: &str) -> SignIn {
    let dir = ProfileDir::at(dir);
    let keys = DeviceKeys::generate(&mut rng::system());
    let profile = Profile {
        url: url.to_owned(),
        ca: None,
        ca_file: None,
        tenant: None,
        principal: DealerId::from_bytes([1; 16]).into(),
        role: Role::Dealer,
        device: DeviceId::from_bytes([2; 16]),
        person: None,
        statement_key: keys.sign.public(),
    };
    dir.save(&profile).unwrap();
    dir.store_device_keys(&keys).unwrap();
    SignIn::at(dir)
}

/// A fake platform and a dealer's session with it.
pub(crate) async fn pair() -> (Fake, Session, tempfile::TempDir) {
    let (fake, address) = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let session = dealer(dir.path(), &format!("http://{address}")).machine().unwrap();
    (fake, session, dir)
}
