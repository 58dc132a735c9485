//! A request that was not done, as REST and gRPC say it: outside a reason of the [table](Reason), a sentence and fields;
//! inside the cause, which is logged once (by the HTTP stack or the gRPC layer) and never sent. For another tenant's
//! things the answer is [`Reason::NotFound`], as for things that do not exist.

mod grpc;
mod table;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use siegel_api::problem::{FieldProblem, ProblemBody};

use crate::db::DbError;
use crate::worker::causes;

pub use grpc::DOMAIN;
pub use table::Reason;

/// Seconds to wait if a retryable problem does not say otherwise.
const RETRY_AFTER_S: u32 = 2;

/// Why a request was not done. Small to pass around; build it with [`Problem::new`] and the methods after it.
#[derive(Clone)]
pub struct Problem {
    reason: Reason,
    details: Option<Box<Details>>,
}

#[derive(Clone, Default)]
struct Details {
    sentence: Option<Cow<'static, str>>,
    retry_after_s: Option<u32>,
    fields: Vec<FieldProblem>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Problem {
    /// A problem of this reason.
    pub const fn new(reason: Reason) -> Self {
        Self { reason, details: None }
    }

    /// One field of the request is not valid. Never pass the field's value in `what`.
    pub fn invalid(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(Reason::InvalidRequest).field(field, what)
    }

    /// Something broke here. The cause is logged, not sent.
    pub fn internal(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Reason::Internal).caused_by(cause)
    }

    /// Says what happened this time and what to do next. No ids, names or values from outside.
    pub fn detail(mut self, sentence: impl Into<Cow<'static, str>>) -> Self {
        self.details().sentence = Some(sentence.into());
        self
    }

    /// Seconds to wait before trying again.
    pub fn retry_after_s(mut self, seconds: u32) -> Self {
        self.details().retry_after_s = Some(seconds);
        self
    }

    /// Adds a field that was refused; never its value.
    pub fn field(mut self, field: impl Into<String>, what: impl Into<String>) -> Self {
        self.details().fields.push(FieldProblem { field: field.into(), reason: what.into() });
        self
    }

    /// Adds a header to the REST answer, for example `DPoP-Nonce`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.details().headers.push((name, value));
        self
    }

    /// What lies behind it: logged once, never sent.
    pub fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.details().cause = Some(Arc::new(cause));
        self
    }

    /// Says in the log what broke here, with its causes. What passes by itself, such as a database that fails over, is a warning: one
    /// fault refuses many, and an error is for somebody to look at.
    pub(crate) fn tell(&self, what: &'static str) {
        let (reason, error) = (self.reason, causes(self));
        if reason.retryable() && reason.status() == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(problem = reason.code(), error = %error, "{what}");
        } else {
            tracing::error!(problem = reason.code(), error = %error, "{what}");
        }
    }

    /// The reason.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The fields that were refused.
    pub fn fields(&self) -> &[FieldProblem] {
        self.details.as_ref().map_or(&[], |details| &details.fields)
    }

    /// The sentence, if there is one.
    pub fn sentence(&self) -> Option<&str> {
        self.details.as_ref()?.sentence.as_deref()
    }

    /// Seconds to wait; retryable problems of an overloaded platform always have a number.
    pub fn wait_s(&self) -> Option<u32> {
        let said = self.details.as_ref().and_then(|details| details.retry_after_s);
        let status = self.reason.status().as_u16();
        said.or((self.reason.retryable() && matches!(status, 429 | 503 | 507)).then_some(RETRY_AFTER_S))
    }

    /// The body, with the id of the request it answers.
    pub fn body(&self, request_id: Option<&str>) -> ProblemBody {
        ProblemBody {
            kind: format!("https://siegel.health/problems/{}", self.reason.code()),
            code: self.reason.code().to_owned(),
            title: self.reason.title().to_owned(),
            status: self.reason.status().as_u16(),
            detail: self.sentence().map(str::to_owned),
            retry_after_s: self.wait_s(),
            request_id: request_id.map(str::to_owned),
            fields: self.fields().to_vec(),
        }
    }

    /// The answer, with the id of the request. The problem itself travels in the response's extensions, so that the
    /// HTTP stack can count and log it.
    pub fn into_response_to(self, request_id: Option<&str>) -> Response {
        let mut response = (self.reason.status(), Json(self.body(request_id))).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.wait_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in self.details.iter().flat_map(|details| &details.headers) {
            headers.append(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }

    fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.into_response_to(None)
    }
}

impl IntoResponse for Reason {
    fn into_response(self) -> Response {
        Problem::new(self).into_response()
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let reason = match &error {
            DbError::NoSuchTenant => return Self::new(Reason::NotFound),
            DbError::Full(_) => Reason::StorageFull,
            DbError::Busy(_) => Reason::OverCapacity,
            DbError::Unavailable(_) => return Self::new(Reason::NotReady).retry_after_s(2).caused_by(error),
            _ => Reason::Internal,
        };
        Self::new(reason).caused_by(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.code())?;
        self.sentence().map_or(Ok(()), |sentence| write!(f, ": {sentence}"))
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&str> = self.fields().iter().map(|field| field.field.as_str()).collect();
        f.debug_struct("Problem")
            .field("reason", &self.reason.code())
            .field("detail", &self.sentence())
            .field("fields", &fields)
            .field("cause", &self.source().map(ToString::to_string))
            .finish()
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.details.as_ref()?.cause.as_ref()?;
        Some(cause.as_ref())
    }
}
