//! The platform against real files and real sockets.
#![expect(clippy::unwrap_used, reason = "in a test, and in what tests share, it is an assertion")]

mod clock;
mod db;
mod grpc;
mod http;
mod idempotency;
mod inside;
mod log;
mod provider;
mod secrets;
mod shared;
mod telemetry;
mod worker;
mod zones;
