//! What the platform tells of itself: logs, traces, and the context that joins them. Never a person, a key, a code, a
//! body or a path from outside; spans `skip_all` and name their fields.

mod start;
mod trace;

pub use start::{LogFormat, Telemetry, TelemetryConfig, TelemetryError};
pub use trace::{
    NotATraceparent, TRACEPARENT, TraceContext, caused_by, enter_remote, follow, trace_context, traceparent,
};
pub(crate) use trace::{carried, hex};
