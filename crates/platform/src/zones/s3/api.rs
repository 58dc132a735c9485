//! What `object_store` does not ask of S3, in plain signed requests.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{DATE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};

use super::transport::error_code;

/// The longest answer: a page of 1,000 versions has about 500 KiB.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Sends requests to one endpoint.
pub(super) struct Api {
    http: HttpClient,
    endpoint: String,
    pub(super) region: String,
}

/// A request.
#[derive(Default)]
pub(super) struct Call<'a> {
    /// What to do.
    pub(super) method: Method,
    /// `/bucket` or `/bucket/key`; keys of ours need no escaping.
    pub(super) path: String,
    /// Decoded.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Beyond those of the signature.
    pub(super) headers: &'a [(&'static str, &'a str)],
    /// Signed, too: these are small.
    pub(super) body: String,
}

/// What the zone said.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its body.
    pub(super) body: String,
    /// When it was given, by the zone's clock.
    pub(super) date_ms: Option<i64>,
    what: String,
}

/// An answer that is none of those expected. Says what was asked and not what was sent.
#[derive(Debug, thiserror::Error)]
#[error("{what} was answered {status} {code}")]
struct Unexpected {
    what: String,
    status: StatusCode,
    code: String,
}

impl Api {
    /// An endpoint, `https://host:port`.
    pub(super) fn new(http: HttpClient, endpoint: String, region: String) -> Self {
        Self { http, endpoint, region }
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks once; any answer is an answer. What fails is the way there, and what [`super::transport`] tells apart.
    pub(super) async fn call(&self, credential: &AwsCredential, call: Call<'_>) -> object_store::Result<Answer> {
        let what = format!(
            "{} {}{}",
            call.method,
            call.path,
            call.query.first().map_or(String::new(), |(key, _)| format!("?{key}"))
        );
        let mut url = reqwest::Url::parse(&format!("{}{}", self.endpoint, call.path)).map_err(failed)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let sha256 = STANDARD.encode(digest::digest(&digest::SHA256, call.body.as_bytes()));
        // Some calls are refused without a digest of their body, the others take it.
        let digest = [("x-amz-checksum-sha256", sha256.as_str()), ("x-amz-sdk-checksum-algorithm", "SHA256")];
        let digest = if call.body.is_empty() { &[][..] } else { &digest[..] };
        let mut request = HttpRequest::new(HttpRequestBody::from(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = url.as_str().parse().map_err(failed)?;
        for (name, value) in call.headers.iter().chain(digest) {
            let value = HeaderValue::from_str(value).map_err(failed)?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        AwsAuthorizer::new(credential, "s3", &self.region).try_authorize(&mut request, None)?;
        let response = self.http.execute(request).await.map_err(failed)?;
        let status = response.status();
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let date_ms = date.and_then(crate::inspect::http_date_ms);
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.map_err(failed)?.to_bytes();
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned(), date_ms, what })
    }
}

impl Answer {
    /// The `<Code>` of an error.
    pub(super) fn code(&self) -> String {
        error_code(&self.body)
    }

    /// The body of a success; an error otherwise.
    pub(super) fn success(self) -> object_store::Result<String> {
        if self.status.is_success() { Ok(self.body) } else { Err(self.unexpected()) }
    }

    /// The error that this answer is.
    pub(super) fn unexpected(self) -> object_store::Error {
        let (status, code) = (self.status, self.code());
        failed(Unexpected { what: self.what, status, code })
    }
}

/// Anything that is no answer.
pub(super) fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: source.into() }
}
