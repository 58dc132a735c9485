//! A server on a real socket under a clock that stands still, and a client that may say anything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use futures::StreamExt;
use siegel_domain::{RecordId, Timestamp};
use siegel_platform::clock::ManualClock;
use siegel_platform::health::Health;
use siegel_platform::http::{
    BodyLimit, HttpEnv, HttpServer, Json, Limits, Path, Transport, body_limit, cause_of, read_whole,
};
use siegel_platform::metrics::Metrics;
use siegel_platform::rng::SeededRng;
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::{Problem, Reason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// A test that would wait for ever fails instead. Nothing is timed by this.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let answer = tokio::time::timeout(Duration::from_secs(30), future).await;
    answer.unwrap_or_else(|_| panic!("waited too long for: {what}"))
}

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) clock: ManualClock,
    pub(crate) env: HttpEnv,
    pub(crate) handled: watch::Receiver<usize>,
    pub(crate) release: Arc<Notify>,
    ended: JoinHandle<Option<usize>>,
}

#[derive(Clone)]
struct App {
    handled: Arc<watch::Sender<usize>>,
    release: Arc<Notify>,
}

/// The largest body of `/large`.
pub(crate) const LARGE: usize = 4 * 1024 * 1024;

fn router(app: App) -> Router {
    Router::new()
        .route(
            "/any",
            any(async |body: Body| read_whole(body, usize::MAX).await.map(|bytes| format!("{} bytes", bytes.len()))),
        )
        .route("/", get(async |State(app): State<App>| app.count()))
        .route(
            "/echo",
            post(async |State(app): State<App>, Json(body): Json<serde_json::Value>| {
                app.count();
                Json(body)
            }),
        )
        .route(
            "/whole",
            post(async |State(app): State<App>, body: Body| {
                app.count();
                read_whole(body, usize::MAX).await.map(|bytes| bytes.len().to_string())
            }),
        )
        .route(
            "/large",
            post(async |State(app): State<App>, body: Body| {
                let mut bytes = 0;
                let mut body = body.into_data_stream();
                while let Some(piece) = body.next().await {
                    bytes += piece.map_err(|error| Problem::from(cause_of(&error)))?.len();
                    app.count();
                }
                Ok::<_, Problem>(bytes.to_string())
            })
            .route_layer(from_fn_with_state(BodyLimit(LARGE), body_limit)),
        )
        .route(
            "/wait",
            get(async |State(app): State<App>| {
                app.count();
                app.release.notified().await;
                "released"
            }),
        )
        .route("/much", get(async || Body::from(vec![7; 64 * 1024 * 1024])))
        .route("/panic", get(async || -> String { panic!("Erika Mustermann") }))
        .route(
            "/broken",
            get(async || -> Result<(), Problem> {
                Err(Problem::internal(std::io::Error::other("the cause")).detail("Try again."))
            }),
        )
        .route("/refused", get(async || Reason::EpochChanged))
        .route("/records/{id}", get(async |Path(id): Path<RecordId>| id.to_string()))
        .with_state(app)
}

impl App {
    fn count(&self) {
        self.handled.send_modify(|handled| *handled += 1);
    }
}

pub(crate) fn env(clock: &ManualClock, limits: Limits) -> HttpEnv {
    HttpEnv {
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(1)),
        metrics: Arc::new(Metrics::new()),
        health: Health::new(),
        tasks: Tasks::new(),
        shutdown: Shutdown::new(),
        limits,
    }
}

pub(crate) async fn serve() -> Served {
    serve_with(Limits::default(), async |_: &_| Transport::PlainOnLoopback).await
}

pub(crate) async fn serve_with(limits: Limits, transport: impl AsyncFnOnce(&ManualClock) -> Transport) -> Served {
    let clock = ManualClock::new(Timestamp(1_700_000_000_000));
    let env = env(&clock, limits);
    let handled = Arc::new(watch::Sender::new(0));
    let release = Arc::new(Notify::new());
    let app = App { handled: handled.clone(), release: release.clone() };
    let handled = handled.subscribe();
    let server = HttpServer::bind("127.0.0.1:0".parse().unwrap(), transport(&clock).await, env.clone()).await.unwrap();
    let address = server.address();
    let ended = Tasks::new().spawn("server", server.serve(router(app)));
    Served { address, clock, env, handled, release, ended }
}

impl Served {
    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends `bytes` on a connection of their own and reads until the server closes it.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> String {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.rest().await
    }

    /// A plain request still works.
    pub(crate) async fn assert_alive(&self) {
        let answer = self.exchange(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    /// Completes when handlers have counted this far: one for each request, one for each piece of a body of `/large`.
    pub(crate) async fn handled(&mut self, count: usize) {
        soon("a request to be handled", self.handled.wait_for(|handled| *handled >= count)).await.unwrap();
    }

    /// Completes when at least `count` timers run.
    pub(crate) async fn timers(&self, count: usize) {
        soon("timers to run", self.clock.sleeping(count)).await;
    }

    /// Completes when the server has ended; the number of connections it had to cut.
    pub(crate) async fn ended(self) -> usize {
        soon("the server to end", self.ended).await.unwrap().unwrap()
    }
}

pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon("the server to take bytes", self.0.write_all(bytes)).await.unwrap();
    }

    /// Everything until the server closes the connection, by an end or a reset.
    pub(crate) async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let _ = soon("the server to close the connection", self.0.read_to_end(&mut all)).await;
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Reads until `end` was read.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        let mut all = Vec::new();
        while !all.ends_with(end.as_bytes()) {
            let byte = soon("more of an answer", self.0.read_u8()).await;
            all.push(byte.unwrap_or_else(|_| panic!("closed after {:?}", String::from_utf8_lossy(&all))));
        }
        String::from_utf8(all).unwrap()
    }
}
