//! Connections to one zone, shared by all its buckets and by its administration. What S3 says in a status or in the body
//! of an error, and `object_store` would not tell apart, is turned into an error of its own here, in one place.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use reqwest::redirect::Policy;

use super::S3OpenError;
use super::unfit::Unfit;
use crate::zones::DEADLINE_MS;

/// A zone that does not even take a connection by then is away. TLS included.
const CONNECT: Duration = Duration::from_secs(2);
/// A connection that was not used for so long is closed by us, before a server or a firewall does it without a word.
const IDLE: Duration = Duration::from_secs(20);
/// The longest error that is read.
const ERROR_BYTES: usize = 64 * 1024;

/// How often a request was sent, counted where it is sent. Travels in the extensions of a write, which `object_store`
/// repeats without saying so.
#[derive(Debug, Clone, Default)]
pub(super) struct Tries(Arc<AtomicU32>);

impl Tries {
    /// Whether it was sent more than once.
    pub(super) fn repeated(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

/// One pool of connections.
#[derive(Debug, Clone)]
pub(super) struct Transport(reqwest::Client);

impl Transport {
    /// A pool that trusts the certificates in `ca_file` and no others.
    pub(super) fn open(ca_file: &Path) -> Result<Self, S3OpenError> {
        let wrong = |source| S3OpenError::Ca { path: ca_file.to_owned(), source };
        let pem = std::fs::read(ca_file).map_err(|error| wrong(error.into()))?;
        let trusted = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.into()))?;
        if trusted.is_empty() {
            return Err(wrong("it holds no certificate".into()));
        }
        let client = reqwest::Client::builder()
            .tls_certs_only(trusted)
            .https_only(true)
            .http1_only()
            .redirect(Policy::none()) // a signature is for one host; and nobody sends our bytes elsewhere
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(Duration::from_millis(DEADLINE_MS.unsigned_abs()))
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| wrong(error.into()))?;
        Ok(Self(client))
    }
}

impl HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let tries = request.extensions().get::<Tries>().cloned();
        if let Some(tries) = &tries {
            tries.0.fetch_add(1, Ordering::Relaxed);
        }
        let response = match self.0.call(request).await {
            // `object_store` takes no write for repeatable; a new name written create-only is.
            Err(error) if tries.is_some() && error.kind() == HttpErrorKind::Interrupted => {
                Err(HttpError::new(HttpErrorKind::Request, error))
            }
            response => response,
        }?;
        if !(response.status().is_client_error() || response.status().is_server_error()) {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ERROR_BYTES).collect().await;
        let body = body.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?.to_bytes();
        match said(parts.status, &error_code(&String::from_utf8_lossy(&body))) {
            Some(error) => Err(error),
            None => Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(body))),
        }
    }
}

/// What an answer means beyond its status. None of these is repeated by `object_store`.
fn said(status: StatusCode, code: &str) -> Option<HttpError> {
    let full = status == StatusCode::INSUFFICIENT_STORAGE
        || matches!(code, "QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded");
    if full {
        let error = std::io::Error::new(ErrorKind::StorageFull, format!("{status} {code}"));
        return Some(HttpError::new(HttpErrorKind::Unknown, error));
    }
    // Not "no such object": that would prove that erased objects are absent, of a server whose disk is not mounted.
    let unfit = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Unfit::Denied { status, code: code.to_owned() },
        _ if code == "NoSuchBucket" => Unfit::NoBucket,
        _ => return None,
    };
    Some(HttpError::new(HttpErrorKind::Unknown, unfit))
}

/// The `<Code>` of an S3 error; empty if there is none.
pub(super) fn error_code(body: &str) -> String {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Said {
        code: String,
    }
    quick_xml::de::from_str::<Said>(body).map(|said| said.code).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_no_bucket_are_told_apart_from_the_rest() {
        let body = |code| format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
        assert_eq!(error_code(&body("NoSuchBucket")), "NoSuchBucket");
        assert_eq!(error_code("<html>a proxy's page</html>"), "");
        let source =
            |status, code| said(status, code).map(|error| std::error::Error::source(&error).unwrap().to_string());
        let full = |status, code| source(status, code).is_some_and(|said| said == format!("{status} {code}"));
        assert!(full(StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage"));
        assert!(full(StatusCode::FORBIDDEN, "QuotaExceeded"), "as Ceph says it");
        assert!(source(StatusCode::NOT_FOUND, "NoSuchBucket").unwrap().contains("mounted"));
        assert!(source(StatusCode::FORBIDDEN, "AccessDenied").unwrap().contains("denies"));
        for (status, code) in [(404, "NoSuchKey"), (503, "SlowDown"), (412, "PreconditionFailed")] {
            assert!(source(StatusCode::from_u16(status).unwrap(), code).is_none(), "{code}");
        }
    }
}
