//! W3C Trace Context: one upload is one trace through HTTP, gRPC and the outbox. A context is there even when nothing is
//! exported, so that the outbox and the logs of all services name the same trace.

use std::fmt;
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::rng::Rng;

/// The header and the outbox column.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// A place in a trace (<https://www.w3.org/TR/trace-context/>, version 00).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The whole trace.
    pub trace_id: [u8; 16],
    /// The span that called.
    pub span_id: [u8; 8],
    /// Whether the caller records it.
    pub sampled: bool,
}

/// Not a `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct NotATraceparent;

impl TraceContext {
    /// The start of a new trace.
    pub fn start(rng: &dyn Rng) -> Self {
        Self { trace_id: rng.bytes(), span_id: rng.bytes(), sampled: false }
    }

    /// The same trace, seen from a new span.
    pub fn next(self, rng: &dyn Rng) -> Self {
        Self { span_id: rng.bytes(), ..self }
    }

    /// The context of a request, if it carries a valid one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get(&TRACEPARENT)?.to_str().ok()?.parse().ok()
    }

    /// Writes it into a request's headers.
    pub fn put(self, headers: &mut HeaderMap) {
        let value = HeaderValue::try_from(self.to_string()).expect("hexadecimal digits and hyphens are a header value");
        headers.insert(TRACEPARENT, value);
    }

    /// The trace id in hexadecimal, for logs.
    pub fn trace_id_hex(self) -> String {
        hex(&self.trace_id)
    }

    /// Runs `work` with this as [`trace_context`].
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// The context of the work that runs now, for the outbox (`traceparent` column) and outgoing calls: the current span's if
/// traces are exported, else the request's.
pub fn trace_context() -> Option<TraceContext> {
    of_span(&Span::current()).or_else(|| CURRENT.try_with(|context| *context).ok())
}

/// Makes `span` a part of the trace that a request names, or of a new one, and returns its place in it.
pub fn enter_remote(span: &Span, incoming: Option<TraceContext>, rng: &dyn Rng) -> TraceContext {
    if let Some(incoming) = incoming {
        set_parent(span, incoming);
    }
    let own = of_span(span);
    own.or_else(|| incoming.map(|incoming| incoming.next(rng))).unwrap_or_else(|| TraceContext::start(rng))
}

/// Runs `work` in `span`, both in the trace of the event that caused it (its `traceparent`): what follows from an upload
/// belongs to the upload's trace, in whichever process and however much later.
pub async fn caused_by<F: Future>(traceparent: &str, span: Span, work: F) -> F::Output {
    match follow(&span, traceparent) {
        Some(cause) => cause.scope(work.instrument(span)).await,
        None => work.instrument(span).await,
    }
}

/// `work` in the span and the trace of who asks for it now: for what goes on in a task of its own.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let (context, work) = (trace_context(), work.in_current_span());
    async move {
        match context {
            Some(context) => context.scope(work).await,
            None => work.await,
        }
    }
}

/// Makes `span` a part of the trace of an event (its `traceparent`), and returns the place in it; none if it has none.
pub fn follow(span: &Span, traceparent: &str) -> Option<TraceContext> {
    let cause = traceparent.parse().ok()?;
    set_parent(span, cause);
    Some(cause)
}

fn set_parent(span: &Span, cause: TraceContext) {
    let flags = if cause.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace_id, span_id) = (TraceId::from_bytes(cause.trace_id), SpanId::from_bytes(cause.span_id));
    let remote = SpanContext::new(trace_id, span_id, flags, true, TraceState::default());
    // Fails only for a span that nobody records.
    let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(remote));
}

fn of_span(span: &Span) -> Option<TraceContext> {
    let context = span.context();
    let span = context.span();
    let here = span.span_context();
    here.is_valid().then(|| TraceContext {
        trace_id: here.trace_id().to_bytes(),
        span_id: here.span_id().to_bytes(),
        sampled: here.is_sampled(),
    })
}

/// The same as text; empty outside of a trace.
pub fn traceparent() -> String {
    trace_context().map(|context| context.to_string()).unwrap_or_default()
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex(&self.trace_id), hex(&self.span_id), u8::from(self.sampled))
    }
}

impl FromStr for TraceContext {
    type Err = NotATraceparent;

    fn from_str(text: &str) -> Result<Self, NotATraceparent> {
        let parts: Vec<&str> = text.split('-').collect();
        let [version, trace_id, span_id, flags] = parts[..] else { return Err(NotATraceparent) };
        if version != "00" {
            return Err(NotATraceparent);
        }
        let (trace_id, span_id) = (unhex::<16>(trace_id)?, unhex::<8>(span_id)?);
        let [flags] = unhex::<1>(flags)?;
        if trace_id == [0; 16] || span_id == [0; 8] {
            return Err(NotATraceparent);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
        text
    })
}

/// Lower-case hexadecimal of exactly `N` bytes.
fn unhex<const N: usize>(text: &str) -> Result<[u8; N], NotATraceparent> {
    let lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if text.len() != 2 * N || !text.as_bytes().iter().all(lower) {
        return Err(NotATraceparent);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| NotATraceparent)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| NotATraceparent)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(good.parse::<TraceContext>().unwrap().to_string(), good);
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(bad.parse::<TraceContext>(), Err(NotATraceparent), "{bad}");
        }
    }
}
