//! A key directory on a platform of its own, and requests to it with a device's proof.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use siegel_crypto::SigningSecretKey;
use siegel_domain::{TenantId, Timestamp};
use siegel_key_directory::{App, KeyDirectoryConfig};
use siegel_platform::Ctx;
use siegel_platform::clock::{Clock, ManualClock};
use siegel_platform::db::{self, DbError};
use siegel_platform::rng::SystemRng;
use siegel_platform::testing::{self, START, URL};
use siegel_proto::events::v1::Event;
use siegel_proto::keydirectory::v1::key_directory_service_client::KeyDirectoryServiceClient;
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) type Directory = KeyDirectoryServiceClient<siegel_platform::peer::Peer>;

pub(crate) struct World {
    pub(crate) state: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) ctx: Ctx,
    pub(crate) app: App,
    drawn: Arc<AtomicU64>,
    router: Router,
    nonce: Mutex<String>,
    proofs: AtomicU64,
}

pub(crate) async fn world() -> World {
    let (state, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(START));
    open(state, clock).await
}

async fn open(state: TempDir, clock: ManualClock) -> World {
    let drawn = Arc::new(AtomicU64::new(0));
    let ctx = testing::ctx(state.path(), &clock).await;
    let ctx = Ctx { rng: Arc::new(Counted(ctx.rng.clone(), drawn.clone())), ..ctx };
    let app = App::new(ctx.clone(), KeyDirectoryConfig::default()).await.unwrap();
    let (router, _) = app.rest().split_for_parts();
    World { state, clock, ctx, app, drawn, router, nonce: Mutex::default(), proofs: AtomicU64::new(0) }
}

/// Randomness, counted: what a request draws says which steps it took.
struct Counted(Arc<dyn siegel_platform::rng::Rng>, Arc<AtomicU64>);

impl siegel_platform::rng::Rng for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        self.1.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.0.fill(bytes);
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn field(&self) -> &str {
        self.body["fields"][0]["field"].as_str().unwrap_or_default()
    }

    /// The body of a success.
    pub(crate) fn ok<T: DeserializeOwned>(self) -> T {
        assert!(self.status.is_success(), "{}: {}", self.status, self.body);
        serde_json::from_value(self.body).unwrap()
    }

    /// A success without a body.
    pub(crate) fn done(self) {
        assert_eq!(self.status, StatusCode::NO_CONTENT, "{}", self.body);
    }

    /// A refusal of this code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.body);
        self
    }
}

/// Randomness of the client.
pub(crate) struct ClientRng;

impl siegel_crypto::rand_core::TryRng for ClientRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_be_bytes(random()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_be_bytes(random()))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        siegel_platform::rng::Rng::fill(&SystemRng, dst);
        Ok(())
    }
}

impl siegel_crypto::rand_core::TryCryptoRng for ClientRng {}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let rng: &dyn siegel_platform::rng::Rng = &SystemRng;
    rng.bytes()
}

impl World {
    /// What `request` cost: transactions by name, random bytes that were drawn.
    pub(crate) async fn work<T>(&self, request: impl Future<Output = T>) -> (T, Vec<String>, u64) {
        let counted = || -> Vec<String> {
            let lines = self.ctx.metrics.render();
            lines.lines().filter(|line| line.starts_with("siegel_db_transactions")).map(str::to_owned).collect()
        };
        let (before, drawn) = (counted(), self.drawn.load(Ordering::Relaxed));
        let answer = request.await;
        let name = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
        let count = |line: &String| line.split(' ').nth(1).and_then(|count| count.parse::<i64>().ok()).unwrap_or(0);
        let after = counted();
        let grown = after.iter().filter_map(|line| {
            let old = before.iter().find(|old| name(old) == name(line)).map_or(0, count);
            (count(line) > old).then(|| format!("{} +{}", name(line), count(line) - old))
        });
        let grown = grown.collect();
        (answer, grown, self.drawn.load(Ordering::Relaxed) - drawn)
    }

    /// Stops the process and starts it again on what lies on disk.
    pub(crate) async fn restarted(self) -> Self {
        self.ctx.shutdown.begin();
        self.ctx.tasks.drain(&self.clock, 1_000).await.unwrap();
        assert_eq!(self.ctx.tasks.panics(), 0);
        let Self { state, clock, ctx, app, router, .. } = self;
        ctx.tenants.db().close().await;
        drop((ctx, app, router));
        open(state, clock).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An institution `centre-<n>` whose first owner has this code.
    pub(crate) async fn tenant(&self, n: u8, owner_auth_hash: &[u8; 32]) -> TenantId {
        let tenant = testing::tenant(&self.ctx, n).await;
        let hash = &owner_auth_hash[..];
        let id = tenant.to_string();
        let id = &id;
        let change = self.ctx.tenants.change("test.tenant", |tx| {
            Box::pin(async move {
                db::query("UPDATE tenants SET owner_auth_hash = $2, handle = 'centre-' || $3 WHERE id = $1")
                    .bind(id)
                    .bind(hash)
                    .bind(i64::from(n))
                    .execute(&mut **tx)
                    .await?;
                Ok::<_, DbError>(())
            })
        });
        change.await.unwrap();
        tenant
    }

    /// What the key directory tells the other services.
    pub(crate) fn directory(&self) -> Directory {
        KeyDirectoryServiceClient::new(siegel_platform::peer::direct(self.app.grpc()))
    }

    /// All events of a tenant so far.
    pub(crate) async fn events(&self, tenant: TenantId) -> Vec<Event> {
        let stored = self.ctx.log.read("key-directory", tenant, 0, 1_000).await.unwrap();
        stored.into_iter().map(|stored| stored.event).collect()
    }

    /// Every audit line of a tenant so far, as `action outcome`.
    pub(crate) async fn audit(&self, tenant: TenantId) -> Vec<String> {
        use siegel_proto::events::v1::event::Data;
        let audit = |event: Event| match event.data {
            Some(Data::Audit(audit)) => Some(format!("{} {}", audit.action, audit.outcome)),
            _ => None,
        };
        self.events(tenant).await.into_iter().filter_map(audit).collect()
    }

    pub(crate) fn database(&self, tenant: TenantId) -> PathBuf {
        siegel_platform::db::tenant_directory(self.state.path(), tenant).join("key-directory.db")
    }

    /// A proof for one request.
    pub(crate) fn proof(&self, key: &SigningSecretKey, method: &str, path: &str, token: Option<&str>) -> String {
        let path = path.split('?').next().unwrap();
        let number = self.proofs.fetch_add(1, Ordering::Relaxed);
        let x = URL_SAFE_NO_PAD.encode(key.public().as_bytes());
        let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x } });
        let mut claims = json!({
            "jti": number.to_string(),
            "htm": method,
            "htu": format!("{URL}{path}"),
            "iat": self.now().0 / 1_000,
            "nonce": *self.nonce.lock().unwrap(),
        });
        if let Some(token) = token {
            claims["ath"] = json!(sha256(token));
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signature = key.sign_bytes(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_bytes()))
    }

    /// Sends a request, with a proof by `key` and for `token` if there are; repeats it once if the nonce was old.
    pub(crate) async fn send(
        &self,
        (method, path): (&str, &str),
        body: Option<Value>,
        headers: &[(&str, &str)],
        (key, token): (Option<&SigningSecretKey>, Option<&str>),
    ) -> Answer {
        let mut answer = None;
        for _ in 0..2 {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(key) = key {
                request = request.header("dpop", self.proof(key, method, path, token));
            }
            if let Some(token) = token {
                request = request.header("authorization", format!("DPoP {token}"));
            }
            let request = match &body {
                Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
                None => request.body(Body::empty()),
            };
            let got = self.raw(request.unwrap()).await;
            if let Some(nonce) = got.headers.get("dpop-nonce") {
                nonce.to_str().unwrap().clone_into(&mut self.nonce.lock().unwrap());
            }
            let again = got.code() == "use-dpop-nonce";
            answer = Some(got);
            if !again {
                break;
            }
        }
        answer.unwrap()
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, bytes, body }
    }

    /// Without anybody.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.send(("POST", path), Some(serde_json::to_value(body).unwrap()), &[], (None, None)).await
    }

    /// With a proof by a device, without a token.
    pub(crate) async fn post_proved(&self, path: &str, body: &impl Serialize, key: &SigningSecretKey) -> Answer {
        self.send(("POST", path), Some(serde_json::to_value(body).unwrap()), &[], (Some(key), None)).await
    }
}

pub(crate) fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}
