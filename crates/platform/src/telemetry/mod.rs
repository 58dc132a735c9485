//! What the platform tells of itself: logs, traces, and the context that joins them. Never a person, a key, a code, a
//! body or a path from outside; spans `skip_all` and name their fields.

mod trace;

pub use trace::{NotATraceparent, TRACEPARENT, TraceContext, trace_context, traceparent};
