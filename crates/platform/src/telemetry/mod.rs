//! What the platform tells of itself: logs, traces, and the context that joins them. Never a person, a key, a code, a
//! body or a path from outside; spans `skip_all` and name their fields.

mod start;
mod trace;

pub use start::{LogFormat, Telemetry, TelemetryConfig, TelemetryError};
pub(crate) use trace::hex;
pub use trace::{NotATraceparent, TRACEPARENT, TraceContext, enter_remote, trace_context, traceparent};
