//! Streams of events over real logs.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod directory;
mod streams;
mod world;
