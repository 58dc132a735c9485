//! The whole check, against a key directory of the test's own.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use serde_json::{Value, json};
use siegel_domain::{DeviceId, MemberId, Principal, Role, SessionId, TenantId};
use siegel_proto::keydirectory::v1 as wire;
use siegel_proto::keydirectory::v1::key_directory_service_server::{KeyDirectoryService, KeyDirectoryServiceServer};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Response as Answer, Status};
use tower::ServiceExt;

use super::dpop::testing::Device;
use super::dpop::token_hash;
use super::*;
use crate::clock::{Clock, ManualClock};
use crate::metrics::Metrics;
use crate::peer;
use crate::quota::Quota;

const URL: &str = "https://siegel.example";
const START: Timestamp = Timestamp(1_800_000_000_000);

type News = Result<wire::WatchRevocationsResponse, Status>;

/// A key directory that says what the test wants.
#[derive(Default)]
struct Directory {
    seed: std::sync::Mutex<u8>,
    feed: std::sync::Mutex<Option<mpsc::UnboundedSender<News>>>,
    dead: std::sync::Mutex<HashSet<String>>,
    down: AtomicBool,
    asked: AtomicUsize,
    fetched: AtomicUsize,
}

#[derive(Clone)]
struct Server(Arc<Directory>);

#[tonic::async_trait]
impl KeyDirectoryService for Server {
    type WatchRevocationsStream = UnboundedReceiverStream<News>;

    async fn get_token_keys(
        &self,
        _: tonic::Request<wire::GetTokenKeysRequest>,
    ) -> Result<Answer<wire::GetTokenKeysResponse>, Status> {
        self.0.up()?;
        self.0.fetched.fetch_add(1, Ordering::Relaxed);
        let signer = self.0.signer();
        let keys = vec![wire::TokenKey { kid: signer.kid().to_owned(), public_key: signer.public_key().to_vec() }];
        Ok(Answer::new(wire::GetTokenKeysResponse { keys, nonce_secret: vec![5; 32] }))
    }

    async fn check_session(
        &self,
        request: tonic::Request<wire::CheckSessionRequest>,
    ) -> Result<Answer<wire::CheckSessionResponse>, Status> {
        self.0.up()?;
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        let alive = !self.0.dead.lock().unwrap().contains(&request.into_inner().session);
        Ok(Answer::new(wire::CheckSessionResponse { alive }))
    }

    async fn watch_revocations(
        &self,
        _: tonic::Request<wire::WatchRevocationsRequest>,
    ) -> Result<Answer<Self::WatchRevocationsStream>, Status> {
        self.0.up()?;
        let (feed, stream) = mpsc::unbounded_channel();
        feed.send(Ok(wire::WatchRevocationsResponse {
            snapshot: true,
            complete_since_ms: START.0,
            ..Default::default()
        }))
        .unwrap();
        *self.0.feed.lock().unwrap() = Some(feed);
        Ok(Answer::new(UnboundedReceiverStream::new(stream)))
    }

    async fn resolve_party(
        &self,
        _: tonic::Request<wire::ResolvePartyRequest>,
    ) -> Result<Answer<wire::ResolvePartyResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn resolve_signer(
        &self,
        _: tonic::Request<wire::ResolveSignerRequest>,
    ) -> Result<Answer<wire::ResolveSignerResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

impl Directory {
    fn up(&self) -> Result<(), Status> {
        if self.down.load(Ordering::Relaxed) { Err(Status::unavailable("down")) } else { Ok(()) }
    }

    fn signer(&self) -> TokenSigner {
        TokenSigner::new(&[*self.seed.lock().unwrap(); 32], URL).unwrap()
    }

    fn tell(&self, sessions: &[SessionId]) {
        let sessions = sessions.iter().map(ToString::to_string).collect();
        let news = wire::WatchRevocationsResponse { sessions, ..Default::default() };
        self.feed.lock().unwrap().as_ref().unwrap().send(Ok(news)).unwrap();
    }
}

struct World {
    clock: ManualClock,
    directory: Arc<Directory>,
    auth: Arc<Auth>,
    router: Router,
    device: Device,
    proofs: AtomicUsize,
}

const SESSION: SessionId = SessionId::from_bytes([4; 16]);

fn world() -> World {
    world_with(Quota::default())
}

fn world_with(quota: Quota) -> World {
    let clock = ManualClock::new(START);
    let directory = Arc::new(Directory::default());
    let peer = peer::direct(KeyDirectoryServiceServer::new(Server(directory.clone())));
    let shared = Arc::new(clock.clone());
    let quotas = Arc::new(Quotas::new(quota, |_| 100, shared.clone(), &Metrics::new()));
    let auth = Auth::new(shared, URL, KeyDirectoryServiceClient::new(peer), quotas);
    let router = Router::new()
        .route("/v1/private", get(async |caller: Caller| caller.principal.to_string()))
        .route("/v1/either", get(async |caller: Option<Caller>| caller.is_some().to_string()))
        .route("/v1/proved", post(async |proof: DeviceProof| thumbprint(&proof.key)))
        .layer(from_fn_with_state(auth.clone(), attach));
    World { clock, directory, auth, router, device: Device::new(1), proofs: AtomicUsize::new(0) }
}

impl World {
    fn token(&self) -> String {
        let subject = TokenSubject {
            principal: Principal::Member(MemberId::from_bytes([1; 16])),
            tenant: Some(TenantId::from_bytes([2; 16])),
            device: DeviceId::from_bytes([3; 16]),
            device_key: self.device.key(),
            session: SESSION,
            role: Role::Owner,
            confirmed: true,
        };
        self.directory.signer().issue(&subject, self.clock.now()).unwrap()
    }

    fn nonce(&self) -> String {
        nonce::Nonces::new(&[5; 32]).current(self.clock.now())
    }

    fn claims(&self, method: &str, path: &str, token: Option<&str>) -> Value {
        let mut claims = json!({
            "jti": self.proofs.fetch_add(1, Ordering::Relaxed).to_string(),
            "htm": method,
            "htu": format!("{URL}{path}"),
            "iat": self.clock.now().0 / 1_000,
            "nonce": self.nonce(),
        });
        if let Some(token) = token {
            claims["ath"] = json!(token_hash(token));
        }
        claims
    }

    fn proof(&self, device: &Device, token: &str) -> String {
        device.sign(&device.header(), &self.claims("GET", "/v1/private", Some(token)))
    }

    async fn get(&self, token: &str, proof: &str) -> (StatusCode, String, HeaderMap) {
        let request =
            Request::get("/v1/private").header("authorization", format!("DPoP {token}")).header("dpop", proof);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Status, problem code or body, headers.
    async fn send(&self, request: Request) -> (StatusCode, String, HeaderMap) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let code = serde_json::from_slice::<Value>(&body).ok().and_then(|b| Some(b.get("code")?.as_str()?.to_owned()));
        (status, code.unwrap_or_else(|| String::from_utf8(body.to_vec()).unwrap()), headers)
    }

    async fn ask(&self, token: &str) -> (StatusCode, String) {
        let (status, code, _) = self.get(token, &self.proof(&self.device, token)).await;
        (status, code)
    }

    /// Follows the feed, and waits until its first message was heard.
    async fn follow(&self, tasks: &Tasks, shutdown: &Shutdown) {
        self.auth.start(tasks, shutdown);
        let token = self.token();
        loop {
            let before = self.directory.asked.load(Ordering::Relaxed);
            assert_eq!(self.ask(&token).await.0, StatusCode::OK);
            if self.directory.asked.load(Ordering::Relaxed) == before {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn unauthenticated() -> (StatusCode, String) {
    (StatusCode::UNAUTHORIZED, "unauthenticated".to_owned())
}

#[tokio::test]
async fn a_token_with_its_proof_gets_in_and_the_answer_hands_out_the_next_nonce() {
    let world = world();
    let token = world.token();
    let (status, body, headers) = world.get(&token, &world.proof(&world.device, &token)).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, MemberId::from_bytes([1; 16]).to_string().as_str()));
    assert_eq!(headers[DPOP_NONCE_HEADER], world.nonce());
}

#[tokio::test]
async fn without_a_nonce_the_answer_says_which_to_use() {
    let world = world();
    let token = world.token();
    for bad in [Value::Null, json!("stale")] {
        let mut claims = world.claims("GET", "/v1/private", Some(&token));
        claims["nonce"] = bad;
        let proof = world.device.sign(&world.device.header(), &claims);
        let (status, code, headers) = world.get(&token, &proof).await;
        assert_eq!((status, code.as_str()), (StatusCode::UNAUTHORIZED, "use-dpop-nonce"));
        assert_eq!(headers[DPOP_NONCE_HEADER], world.nonce());
        assert_eq!(headers.get_all(DPOP_NONCE_HEADER).iter().count(), 1);
        assert!(headers[WWW_AUTHENTICATE].to_str().unwrap().contains("use_dpop_nonce"));
    }
}

#[tokio::test]
async fn f30_a_proof_is_good_once_and_for_two_minutes_at_most() {
    let world = world();
    let token = world.token();
    let proof = world.proof(&world.device, &token);
    assert_eq!(world.get(&token, &proof).await.0, StatusCode::OK);
    let (status, code, _) = world.get(&token, &proof).await;
    assert_eq!((status, code), unauthenticated());
    let kept = world.proof(&world.device, &token);
    world.clock.advance_ms(120_000);
    let (status, code, _) = world.get(&token, &kept).await;
    assert_eq!((status, code.as_str()), (StatusCode::UNAUTHORIZED, "use-dpop-nonce"));
}

#[tokio::test]
async fn a_copied_token_is_worthless_at_another_device() {
    let world = world();
    let token = world.token();
    let thief = Device::new(2);
    let (status, code, _) = world.get(&token, &world.proof(&thief, &token)).await;
    assert_eq!((status, code), unauthenticated());
    let request = Request::get("/v1/private").header("authorization", format!("DPoP {token}"));
    let (status, code, _) = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((status, code), unauthenticated(), "no proof at all");
    let request = Request::get("/v1/private").header("authorization", format!("Bearer {token}"));
    let request = request.header("dpop", world.proof(&world.device, &token));
    let (status, code, _) = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((status, code), unauthenticated(), "as a bearer token");
}

#[tokio::test]
async fn f37_only_the_configured_address_counts() {
    let world = world();
    let token = world.token();
    let mut claims = world.claims("GET", "/v1/private", Some(&token));
    claims["htu"] = json!("https://evil.example/v1/private");
    let proof = world.device.sign(&world.device.header(), &claims);
    let send = async |proof: &str| {
        let request = Request::get("https://evil.example/v1/private").header("host", "evil.example");
        let request = request.header("x-forwarded-host", "evil.example").header("dpop", proof);
        let request = request.header("authorization", format!("DPoP {token}"));
        world.send(request.body(Body::empty()).unwrap()).await
    };
    let (status, code, _) = send(&proof).await;
    assert_eq!((status, code), unauthenticated());
    assert_eq!(send(&world.proof(&world.device, &token)).await.0, StatusCode::OK, "the Host header has no say");
}

#[tokio::test]
async fn headers_that_stand_there_twice_are_refused() {
    let world = world();
    let token = world.token();
    let proofs = [world.proof(&world.device, &token), world.proof(&world.device, &token)];
    let authorization = format!("DPoP {token}");
    let request = Request::get("/v1/private").header("authorization", &authorization);
    let request = request.header("dpop", &proofs[0]).header("dpop", &proofs[1]);
    let (status, code, _) = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((status, code), unauthenticated());
    let request = Request::get("/v1/private").header("authorization", &authorization).header("dpop", &proofs[0]);
    let request = request.header("authorization", &authorization);
    let (status, code, _) = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((status, code), unauthenticated());
    assert_eq!(world.ask(&format!("{token} {token}")).await, unauthenticated());
}

#[tokio::test]
async fn a_revoked_session_is_dead_as_soon_as_it_was_heard() {
    let (world, tasks, shutdown) = (world(), Tasks::new(), Shutdown::new());
    world.follow(&tasks, &shutdown).await;
    let token = world.token();
    world.directory.tell(&[SESSION]);
    let revoked = (StatusCode::UNAUTHORIZED, "session-revoked".to_owned());
    while world.ask(&token).await != revoked {
        tokio::task::yield_now().await;
    }
    world.clock.advance_ms(1_500);
    assert_eq!(world.ask(&token).await, revoked, "and stays dead");
    shutdown.begin();
    tasks.drain(&world.clock, 1_000).await.unwrap();
    assert_eq!(tasks.panics(), 0);
}

#[tokio::test]
async fn a_silent_feed_is_not_believed() {
    let (world, tasks, shutdown) = (world(), Tasks::new(), Shutdown::new());
    world.follow(&tasks, &shutdown).await;
    let token = world.token();
    world.directory.dead.lock().unwrap().insert(SESSION.to_string());
    assert_eq!(world.ask(&token).await.0, StatusCode::OK, "the feed is fresh and has said nothing");
    world.directory.down.store(true, Ordering::Relaxed);
    world.clock.advance_ms(2_001);
    assert_eq!(world.ask(&token).await, (StatusCode::SERVICE_UNAVAILABLE, "not-ready".to_owned()));
    world.directory.down.store(false, Ordering::Relaxed);
    assert_eq!(world.ask(&token).await, (StatusCode::UNAUTHORIZED, "session-revoked".to_owned()));
    shutdown.begin();
    tasks.drain(&world.clock, 1_000).await.unwrap();
}

#[tokio::test]
async fn a_token_older_than_the_feed_is_asked_about() {
    let (world, tasks, shutdown) = (world(), Tasks::new(), Shutdown::new());
    world.clock.jump_wall_ms(-10_000);
    let old = world.token();
    world.clock.jump_wall_ms(10_000);
    world.follow(&tasks, &shutdown).await;
    world.directory.dead.lock().unwrap().insert(SESSION.to_string());
    assert_eq!(world.ask(&world.token()).await.0, StatusCode::OK);
    assert_eq!(world.ask(&old).await, (StatusCode::UNAUTHORIZED, "session-revoked".to_owned()));
    shutdown.begin();
    tasks.drain(&world.clock, 1_000).await.unwrap();
}

#[tokio::test]
async fn without_the_key_directory_nobody_gets_in() {
    let world = world();
    let token = world.token();
    world.directory.down.store(true, Ordering::Relaxed);
    assert_eq!(world.ask(&token).await, (StatusCode::SERVICE_UNAVAILABLE, "not-ready".to_owned()));
    world.directory.down.store(false, Ordering::Relaxed);
    assert_eq!(world.ask(&token).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_new_token_key_is_fetched_but_not_for_every_unknown_name() {
    let world = world();
    assert_eq!(world.ask(&world.token()).await.0, StatusCode::OK);
    *world.directory.seed.lock().unwrap() = 1;
    let token = world.token();
    assert_eq!(world.ask(&token).await, unauthenticated(), "the keys were fetched a moment ago");
    world.clock.advance_ms(REFETCH_MS);
    assert_eq!(world.ask(&token).await.0, StatusCode::OK);
    let fetched = world.directory.fetched.load(Ordering::Relaxed);
    *world.directory.seed.lock().unwrap() = 2;
    for _ in 0..10 {
        world.ask(&world.token()).await;
    }
    assert_eq!(world.directory.fetched.load(Ordering::Relaxed), fetched);
}

#[tokio::test]
async fn an_expired_token_says_so() {
    let world = world();
    let token = world.token();
    world.clock.advance_ms(300_000);
    assert_eq!(world.ask(&token).await, (StatusCode::UNAUTHORIZED, "token-expired".to_owned()));
}

#[tokio::test]
async fn an_optional_caller_is_nobody_or_somebody_good() {
    let world = world();
    let (status, body, _) = world.send(Request::get("/v1/either").body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "false"));
    let request = Request::get("/v1/either").header("authorization", "DPoP nonsense");
    let (status, code, _) = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((status, code), unauthenticated());
}

#[tokio::test]
async fn a_proof_alone_shows_the_device() {
    let world = world();
    let proof = world.device.sign(&world.device.header(), &world.claims("POST", "/v1/proved", None));
    let request = || Request::post("/v1/proved").header("dpop", &proof).body(Body::empty()).unwrap();
    let (status, body, _) = world.send(request()).await;
    assert_eq!((status, body), (StatusCode::OK, thumbprint(&world.device.key())));
    let (status, code, _) = world.send(request()).await;
    assert_eq!((status, code), unauthenticated(), "replayed");
}

#[tokio::test]
async fn a_route_outside_the_layer_lets_nobody_in() {
    let world = world();
    let bare = Router::new().route("/v1/private", get(async |_: Caller| ()));
    let token = world.token();
    let request = Request::get("/v1/private").header("authorization", format!("DPoP {token}"));
    let request = request.header("dpop", world.proof(&world.device, &token)).body(Body::empty()).unwrap();
    assert_eq!(bare.oneshot(request).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn f42_who_is_signed_in_counts_and_who_is_not_costs_nobody() {
    let world = world_with(Quota { requests_per_second: 1, requests_burst: 2, ..Quota::default() });
    let token = world.token();
    for _ in 0..10 {
        assert_eq!(world.ask("nonsense").await, unauthenticated(), "a forged token is no way to use up a share");
    }
    for _ in 0..2 {
        assert_eq!(world.ask(&token).await.0, StatusCode::OK);
    }
    let (status, code, headers) = world.get(&token, &world.proof(&world.device, &token)).await;
    assert_eq!((status, code.as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate-limited"));
    assert_eq!(headers["retry-after"], "1");
    assert_eq!(headers[DPOP_NONCE_HEADER], world.nonce(), "a refused client learns the next nonce, too");
    let (status, ..) = world.send(Request::get("/v1/either").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "nobody's requests are nobody's share");
    world.clock.advance_ms(1_000);
    assert_eq!(world.ask(&token).await.0, StatusCode::OK);
}
