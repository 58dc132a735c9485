//! A request before it is sent: what, where, on whose behalf, and whether it may be repeated.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use siegel_crypto::SigningSecretKey;
use zeroize::Zeroizing;

use super::body::Meter;
use super::{Http, header};
use crate::error::Result;
use crate::rng;

/// Who signs requests and knows the token; a session does.
pub(crate) trait Credentials: Send + Sync {
    /// The device's signing key.
    fn key(&self) -> &SigningSecretKey;
    /// A token that is good for a while yet, fetched if need be.
    fn token<'a>(&'a self, http: &'a Http) -> futures::future::BoxFuture<'a, Result<Zeroizing<String>>>;
    /// The server did not take the token: the next one has to be new.
    fn forget_token(&self);
}

/// On whose behalf a request is made.
#[derive(Clone, Copy)]
pub(crate) enum Auth<'a> {
    /// Nobody's: `/v1/info`, lookups by code.
    None,
    /// A key alone proves itself: enrolling, signing in, renewing.
    Key(&'a SigningSecretKey),
    /// Someone who is signed in.
    Session(&'a dyn Credentials),
}

impl Auth<'_> {
    pub(super) fn key(&self) -> Option<&SigningSecretKey> {
        match self {
            Self::None => None,
            Self::Key(key) => Some(key),
            Self::Session(credentials) => Some(credentials.key()),
        }
    }

    pub(super) async fn token(&self, http: &Http) -> Result<Option<Zeroizing<String>>> {
        match self {
            Self::Session(credentials) => credentials.token(http).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Whether there was a token to forget.
    pub(super) fn forget_token(&self) -> bool {
        match self {
            Self::Session(credentials) => {
                credentials.forget_token();
                true
            }
            _ => false,
        }
    }
}

/// What is sent.
pub(crate) enum Payload {
    /// Nothing.
    None,
    /// A JSON body.
    Json(Bytes),
    /// A sealed part, counted as it leaves.
    Part(Bytes, Option<Meter>),
}

/// A request.
pub(crate) struct Request<'a> {
    /// The route as the API's documentation writes it, for errors.
    pub(super) route: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
    pub(super) auth: Auth<'a>,
    pub(super) repeatable: bool,
    pub(super) bulk: bool,
}

impl<'a> Request<'a> {
    /// `route` = method, a space, and the path with `{}` for each of `ids`.
    pub(crate) fn new(route: &'static str, ids: &[&(dyn std::fmt::Display + Sync)], auth: Auth<'a>) -> Self {
        let (method, template) = route.split_once(' ').expect("routes are literals of this crate: METHOD /path");
        let mut path = String::with_capacity(template.len() + 32);
        let mut ids = ids.iter();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (_, after) = after.split_once('}').expect("a literal with balanced braces");
            let id = ids.next().expect("as many ids as places");
            write!(path, "{before}{id}").expect("writing to a String can't fail");
            rest = after;
        }
        path.push_str(rest);
        Self {
            route,
            method: Method::from_bytes(method.as_bytes()).expect("a literal"),
            path,
            headers: HeaderMap::new(),
            payload: Payload::None,
            auth,
            repeatable: true,
            bulk: false,
        }
    }

    /// A JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.payload = Payload::Json(serde_json::to_vec(body).expect("the API's types always encode").into());
        self
    }

    /// Query parameters, from a flat structure; absent values are left out.
    pub(crate) fn query(mut self, query: &impl Serialize) -> Self {
        let value = serde_json::to_value(query).expect("the API's types always encode");
        for (name, value) in value.as_object().into_iter().flatten() {
            let text = match value {
                serde_json::Value::Null => continue,
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            self.path.push(if self.path.contains('?') { '&' } else { '?' });
            let _ = write!(self.path, "{name}={}", percent(&text));
        }
        self
    }

    /// A header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), header(value));
        self
    }

    /// `If-Match`.
    pub(crate) fn if_match(mut self, etag: &str) -> Self {
        let etag = if etag.starts_with('"') { etag.to_owned() } else { format!("\"{etag}\"") };
        let value = HeaderValue::from_str(&etag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        self.headers.insert(http::header::IF_MATCH, value);
        self
    }

    /// A sealed part as the body, over a connection of its own.
    pub(crate) fn part(mut self, bytes: Bytes, meter: Option<Meter>) -> Self {
        self.payload = Payload::Part(bytes, meter);
        self.bulk = true;
        self
    }

    /// A download over a connection of its own.
    pub(crate) fn bulk(mut self) -> Self {
        self.bulk = true;
        self
    }

    /// Never sent twice: each attempt counts against something.
    pub(crate) fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// One key for all attempts of this call, on the methods that need one to be safe to repeat.
    pub(super) fn idempotency_key(&self) -> Option<String> {
        let needed = matches!(self.method, Method::POST | Method::PATCH) && matches!(self.auth, Auth::Session(_));
        needed.then(|| siegel_api::Bytes::from(rng::bytes::<16>()).to_text())
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986 § 2.3).
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => write!(out, "%{byte:02X}").expect("writing to a String can't fail"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_become_paths_and_queries_leave_absent_values_out() {
        let request = Request::new("PUT /v1/records/{record}/parts/{number}", &[&"rec_1", &7], Auth::None);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v1/records/rec_1/parts/7"));
        let query = siegel_api::page::PageQuery { page_size: Some(5), page_token: Some("a+/=".to_owned()) };
        let request = Request::new("GET /v1/members", &[], Auth::None).query(&query);
        assert_eq!(request.path, "/v1/members?page_size=5&page_token=a%2B%2F%3D");
        let none = siegel_api::page::PageQuery::default();
        assert_eq!(Request::new("GET /v1/members", &[], Auth::None).query(&none).path, "/v1/members");
    }

    #[test]
    fn only_signed_in_writes_carry_an_idempotency_key() {
        assert!(Request::new("POST /v1/auth/login/start", &[], Auth::None).idempotency_key().is_none());
        assert!(Request::new("GET /v1/records", &[], Auth::None).idempotency_key().is_none());
    }
}
