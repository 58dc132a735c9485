//! What makes one host of several programs: HTTPS under the platform's own CA, and each path handed to the program that
//! says it is its. A test's stand-in for the front of an installation; nothing is kept, everything streams.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use siegel_platform::clock::SystemClock;
use siegel_platform::health::Health;
use siegel_platform::http::{BodyLimit, HttpEnv, HttpServer, Limits, Transport, body_limit};
use siegel_platform::metrics::Metrics;
use siegel_platform::rng::SystemRng;
use siegel_platform::secrets::Secrets;
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::tls::Tls;
use siegel_platform::{Problem, Reason};

use crate::Line;

/// More than any body: the programs have bounds of their own.
const BODY_BYTES: usize = 64 << 20;

/// Path prefixes and where they lead.
pub(crate) type Routes = BTreeMap<&'static str, SocketAddr>;

struct Front {
    scheme: &'static str,
    routes: Routes,
    client: reqwest::Client,
    line: Option<Line>,
}

/// Serves until `shutdown`: HTTPS by a certificate of the platform's own, from a state directory and its secrets; without them
/// plain HTTP, before programs that speak it too. People may come to it by a `line` that loses answers.
pub(crate) async fn serve(
    certificate: Option<(&Path, &Arc<Secrets>)>,
    address: SocketAddr,
    routes: Routes,
    line: Option<Line>,
    shutdown: Shutdown,
) -> Result<()> {
    let builder = reqwest::Client::builder().no_proxy();
    let (scheme, transport, builder) = match certificate {
        None => ("http", Transport::PlainOnLoopback, builder),
        Some((state, secrets)) => {
            let tls = Tls::open_as("tls/leaf", state, secrets.clone(), &[], SystemClock::shared()).await?;
            let ca = reqwest::Certificate::from_pem(tls.ca_pem().as_bytes()).context("the CA")?;
            ("https", Transport::Tls(Arc::new(tls)), builder.tls_certs_only([ca]))
        }
    };
    let client = builder.build().context("the front's client")?;
    let env = HttpEnv {
        clock: SystemClock::shared(),
        rng: Arc::new(SystemRng),
        metrics: Arc::new(Metrics::new()),
        health: Health::new(),
        tasks: Tasks::new(),
        shutdown,
        limits: Limits { drain_ms: 1_000, ..Limits::default() },
    };
    let server = HttpServer::bind(address, transport, env).await?;
    let prefixes: Vec<_> = routes.keys().copied().collect();
    let front = Arc::new(Front { scheme, routes, client, line });
    let router = prefixes.into_iter().fold(Router::new(), |router, prefix| {
        router.route(prefix, axum::routing::any(pass)).route(&format!("{prefix}/{{*rest}}"), axum::routing::any(pass))
    });
    let router = router.layer(from_fn_with_state(BodyLimit(BODY_BYTES), body_limit)).with_state(front);
    Tasks::new().spawn("front", server.serve(router));
    Ok(())
}

async fn pass(State(front): State<Arc<Front>>, request: Request) -> Response {
    let away = || Problem::new(Reason::OverCapacity).into_response();
    let path = request.uri().path().to_owned();
    let leads = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let Some((_, address)) = front.routes.iter().find(|(prefix, _)| leads(prefix)) else {
        return Reason::NotFound.into_response();
    };
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let url = format!("{}://localhost:{}{target}", front.scheme, address.port());
    let what = format!("{} {path}", request.method());
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(HOST);
    let body = reqwest::Body::wrap_stream(body.into_data_stream());
    let sent = front.client.request(parts.method, url).headers(parts.headers).body(body).send().await;
    let Ok(mut answer) = sent else { return away() };
    if front.line.as_ref().is_some_and(|line| line.loses(&what, answer.status())) {
        return away(); // said to a connection that is cut: nobody hears it
    }
    let (status, mut headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    headers.remove(CONNECTION);
    let mut response = Body::from_stream(answer.bytes_stream()).into_response();
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
