//! Every bound of the server in one place. The defaults suit a platform on the internet; a configuration may change some.

use serde::Deserialize;

/// How much of what, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections; more wait in the kernel's queue.
    pub connections: usize,
    /// Requests being answered (until the head of the answer); beyond that 503.
    pub requests: usize,
    /// Milliseconds for TLS to be agreed on.
    pub handshake_ms: i64,
    /// Milliseconds for a request's head to arrive, and for the next one on an idle HTTP/1 connection.
    pub head_ms: i64,
    /// Milliseconds for the answer's head, not counting the time in which the body still arrives.
    pub answer_ms: i64,
    /// Milliseconds in which at least something of a body has to arrive.
    pub body_idle_ms: i64,
    /// Bytes a second that a body has to bring on average, once it has lasted `body_idle_ms`.
    pub body_bytes_per_s: u64,
    /// Milliseconds after which a connection without a request is closed.
    pub idle_ms: i64,
    /// Milliseconds that running requests get when the process stops.
    pub drain_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            requests: 2_048,
            handshake_ms: 10_000,
            head_ms: 15_000,
            answer_ms: 30_000,
            body_idle_ms: 30_000,
            body_bytes_per_s: 512,
            idle_ms: 120_000,
            drain_ms: 25_000,
        }
    }
}

/// Streams at once on one HTTP/2 connection.
pub(super) const H2_STREAMS: u32 = 128;
/// A client may send this much on one stream, and on one connection, before it has to wait for us: room for a fast link,
/// and the most that an idle handler lets pile up.
pub(super) const H2_STREAM_WINDOW: u32 = 1024 * 1024;
pub(super) const H2_CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Streams that a client opened and took back before we looked (rapid reset, CVE-2023-44487); beyond that GOAWAY.
pub(super) const H2_PENDING_RESETS: usize = 20;
/// Streams that we reset for a client's mistakes; beyond that GOAWAY.
pub(super) const H2_LOCAL_RESETS: usize = 64;
/// All headers of one request.
pub(super) const HEADER_BYTES: u32 = 16 * 1024;
/// Number of headers of one HTTP/1 request.
pub(super) const HEADERS: usize = 64;
/// Answer bytes buffered for one HTTP/2 stream.
pub(super) const H2_SEND_BUFFER: usize = 512 * 1024;
/// Milliseconds between pings on an HTTP/2 connection, and for the answer.
pub(super) const H2_PING_MS: u64 = 20_000;
/// Milliseconds between two looks at a connection.
pub(super) const LOOK_MS: i64 = 30_000;
/// A client that takes fewer bytes than this of a waiting answer between three looks is cut off.
pub(super) const STALLED_BYTES: u64 = 1024;
/// Characters of path and query.
pub(super) const TARGET_CHARS: usize = 4_096;
