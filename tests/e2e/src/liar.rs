//! A provider that lies: a server between people and the real platform, which passes everything on and changes the answers
//! that a test chooses. To people it *is* the platform: its address is the public one, in codes and proofs alike.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;

/// A part and what travels around it.
const REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// A request as the liar received it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and path, without the query.
    pub what: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// The platform's answer, to be changed before it is passed on.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the body goes on for ever.
    pub endless: bool,
}

impl Answer {
    /// The body as a type of the API.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).expect("an answer of that type")
    }

    /// Changes one field or several of a body of the API.
    pub fn change<T: DeserializeOwned + Serialize>(&mut self, change: impl FnOnce(&mut T)) {
        let mut value: T = self.json();
        change(&mut value);
        self.body = serde_json::to_vec(&value).expect("the API's types always encode");
    }
}

type Lie = Box<dyn FnMut(&Asked, &mut Answer) + Send>;

struct Inner {
    upstream: OnceLock<SocketAddr>,
    http: reqwest::Client,
    lies: Mutex<Vec<(String, Lie)>>,
    asked: Mutex<Vec<Asked>>,
}

/// The provider that lies.
#[derive(Clone)]
pub struct Liar {
    address: SocketAddr,
    inner: Arc<Inner>,
}

impl Liar {
    /// Listens on a port of its own; [`Liar::before`] says which platform is behind it.
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the liar")?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            upstream: OnceLock::new(),
            // The platform is on this machine, whatever the environment says of proxies.
            http: reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?,
            lies: Mutex::default(),
            asked: Mutex::default(),
        });
        let app = Router::new().fallback(pass_on).with_state(inner.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, inner })
    }

    /// The platform that it passes requests on to.
    pub fn before(&self, platform: SocketAddr) {
        let _ = self.inner.upstream.set(platform);
    }

    /// What people take for the platform's address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on changes good answers to `route`: a method and a path in which `*` stands for one segment.
    pub fn lie(&self, route: &str, lie: impl FnMut(&Asked, &mut Answer) + Send + 'static) {
        self.lies().push((route.to_owned(), Box::new(lie)));
    }

    /// From now on says what the platform says, and forgets what it was asked.
    pub fn repent(&self) {
        self.lies().clear();
        self.asked_all().clear();
    }

    /// Requests of that kind since the beginning or [`Liar::repent`].
    pub fn asked(&self, route: &str) -> Vec<Asked> {
        self.asked_all().iter().filter(|asked| fits(route, &asked.what)).cloned().collect()
    }

    fn lies(&self) -> std::sync::MutexGuard<'_, Vec<(String, Lie)>> {
        self.inner.lies.lock().expect("no lie panics")
    }

    fn asked_all(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.inner.asked.lock().expect("nothing panics while it is held")
    }
}

pub(crate) fn fits(route: &str, what: &str) -> bool {
    let (mut wanted, mut real) = (route.split('/'), what.split('/'));
    loop {
        match (wanted.next(), real.next()) {
            (None, None) => return true,
            (Some(wanted), Some(real)) if wanted == "*" || wanted == real => {}
            _ => return false,
        }
    }
}

async fn pass_on(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    match answer(&inner, request).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

async fn answer(inner: &Inner, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, REQUEST_BYTES).await?;
    let what = format!("{} {}", parts.method, parts.uri.path());
    let asked = Asked { what, headers: parts.headers.clone(), body: body.to_vec() };
    inner.asked.lock().expect("nothing panics while it is held").push(asked.clone());
    let upstream = inner.upstream.get().context("no platform behind the liar yet")?;
    let url = format!("http://{upstream}{}", parts.uri.path_and_query().map_or("/", |path| path.as_str()));
    let mut headers = parts.headers;
    headers.remove(header::TRANSFER_ENCODING);
    let real = inner.http.request(parts.method, url).headers(headers).body(body).send().await?;
    let wanted = |lies: &[(String, Lie)]| lies.iter().any(|(route, _)| fits(route, &asked.what));
    if !wanted(&inner.lies.lock().expect("no lie panics")) {
        let real: axum::http::Response<reqwest::Body> = real.into();
        return Ok(real.map(Body::new));
    }
    let mut told = Answer { status: real.status(), headers: real.headers().clone(), body: Vec::new(), endless: false };
    told.body = real.bytes().await?.to_vec();
    for (route, lie) in inner.lies.lock().expect("no lie panics").iter_mut() {
        if told.status.is_success() && fits(route, &asked.what) {
            lie(&asked, &mut told);
        }
    }
    told.headers.remove(header::CONTENT_LENGTH);
    told.headers.remove(header::TRANSFER_ENCODING);
    let body = match told.endless {
        true => Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]))),
        false => Body::from(told.body),
    };
    let mut answer = Response::new(body);
    (*answer.status_mut(), *answer.headers_mut()) = (told.status, told.headers);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_one_segment() {
        assert!(fits("GET /v1/records/*", "GET /v1/records/rec_1"));
        assert!(!fits("GET /v1/records/*", "GET /v1/records/rec_1/parts/0"));
        assert!(!fits("GET /v1/records/*", "PUT /v1/records/rec_1"));
    }
}
