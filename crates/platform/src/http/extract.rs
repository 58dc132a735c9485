//! Extractors that refuse with a problem and name the field. What a client sent is never repeated to it: a value may be
//! a name or a code, and answers end up in logs of proxies.

use axum::Json as AxumJson;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use siegel_domain::limits::COMMIT_BODY_BYTES;

use super::body::read_whole;
use crate::problem::{Problem, Reason};

/// A JSON body in, a JSON body out. Bounded by the route ([`super::BodyLimit`]) and by the largest JSON body there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

/// A JSON body with the BLAKE3 hash of its bytes, for idempotency keys.
#[derive(Debug, Clone, Copy)]
pub struct HashedJson<T> {
    /// The body.
    pub value: T,
    /// BLAKE3-256 of the bytes as they came.
    pub hash: [u8; 32],
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        HashedJson::from_request(request, state).await.map(|body| Self(body.value))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for HashedJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = json_bytes(&parts.headers, body).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let field = error.path().to_string();
            refused(&field, &error.into_inner())
        })?;
        json.end().map_err(|_| Problem::new(Reason::InvalidRequest).detail("The body is not one JSON value."))?;
        Ok(Self { value, hash: blake3::hash(&bytes).into() })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        AxumJson(self.0).into_response()
    }
}

async fn json_bytes(headers: &HeaderMap, body: Body) -> Result<bytes::Bytes, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Reason::UnsupportedMediaType).detail("Send `Content-Type: application/json`."));
    }
    read_whole(body, COMMIT_BODY_BYTES).await
}

/// Says what is wrong in words of ours; serde's own would repeat the value.
fn refused(field: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::new(Reason::InvalidRequest).detail("The body is not valid JSON.");
    }
    Problem::invalid(plain_path(field), plain_words(&error.to_string()))
}

/// A path of names as the API writes them, bounded; anything else was invented by the client and may be anything: a key or a
/// password that slipped into a name has capitals.
fn plain_path(path: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '[' | ']');
    if path.len() <= 100 && path.chars().all(plain) { path.to_owned() } else { "?".to_owned() }
}

/// Serde's own sentences start with one of these and go on with the value; sentences of our own types name no value.
fn plain_words(message: &str) -> String {
    for (start, words) in [
        ("invalid type", "has the wrong type"),
        ("invalid value", "has a value that is not allowed"),
        ("invalid length", "has the wrong number of items"),
        ("unknown variant", "is not one of the allowed words"),
        ("unknown field", "is not known here"),
        ("duplicate field", "is there twice"),
        ("number out of range", "is out of range"),
    ] {
        if message.starts_with(start) {
            return words.to_owned();
        }
    }
    let message = message.split(" at line ").next().unwrap_or_default();
    match message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        Some(name) => format!("lacks {}", plain_path(name)),
        None => message.chars().take(200).collect(),
    }
}

/// The query string.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|_| {
            Problem::new(Reason::InvalidRequest).detail("A parameter of the address is unknown or not valid.")
        })
    }
}

/// The parameters in the path. An id that is not one is refused with 400, whatever it tries (FAULTS F36).
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::from_request_parts(parts, state).await.map(|path| Self(path.0)).map_err(|rejection| {
            match rejection.status() {
                StatusCode::INTERNAL_SERVER_ERROR => Reason::Internal.into(), // the route and the handler disagree
                _ => Problem::invalid("path", "holds something that is not a valid id or number"),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_ENCODING;
    use serde::Deserialize;
    use siegel_domain::RecordId;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only refused here")]
        record: RecordId,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only refused here")]
        items: Vec<Inner>,
    }

    async fn extract(kind: &str, body: &str) -> Problem {
        let request = Request::builder()
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_ENCODING, "identity")
            .body(Body::from(body.to_owned()))
            .unwrap();
        Json::<Outer>::from_request(request, &()).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_refusal_names_the_field_and_never_the_value() {
        for (body, field, words) in [
            (r#"{"items":[{"record":"Erika Mustermann"}]}"#, "items[0].record", "not a valid id"),
            (r#"{"items":"Erika"}"#, "items", "has the wrong type"),
            (r#"{"items":[{}]}"#, "items[0]", "lacks record"),
            (r#"{"items":[], "Erika Mustermann":1}"#, "?", "is not known here"),
            (r#"{"items":[], "Erika-24h":1}"#, "?", "is not known here"),
            (r#"{"items":[], "item":1}"#, "item", "is not known here"),
        ] {
            let problem = extract("application/json", body).await;
            assert_eq!(problem.reason(), Reason::InvalidRequest);
            let found = &problem.fields()[0];
            assert_eq!(found.field, field, "{body}");
            assert!(found.reason.starts_with(words), "{body}: {}", found.reason);
            assert!(!format!("{problem:?} {:?}", problem.body(None)).contains("Erika"), "{body}");
        }
        assert_eq!(extract("application/json", "{").await.reason(), Reason::InvalidRequest);
        assert_eq!(extract("application/json", r#"{"items":[]} x"#).await.reason(), Reason::InvalidRequest);
        assert_eq!(extract("text/plain", "{}").await.reason(), Reason::UnsupportedMediaType);
    }
}
