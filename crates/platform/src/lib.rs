//! What every service stands on: time, randomness, tasks, databases, secrets, zones, the log of events, the HTTP and gRPC
//! server, problems, telemetry. A service gets a [`Ctx`] at start and nothing from globals, so that the whole platform
//! runs in one process, in one test, under a clock that the test moves.
//!
//! ```text
//! Ctx ─┬─ clock, rng, tasks, shutdown      what tests replace
//!      ├─ secrets, db, tenants, zones, log where things lie
//!      └─ metrics, health, telemetry       what it tells of itself
//! http  one listener: TLS, HTTP/1.1 and 2, limits, the tower stack ── problem: one table of errors
//! auth  who calls ─ quota: how much of it       budget: bytes held in memory
//! peer  how services call each other        worker: how background work is run
//! host  a process and the services in it    program: a process with one service, as its `main` starts it
//! ```
//!
//! A new reason to refuse a request is a line in `problem/table.rs` and in `docs/problems.md`; a new metric is registered
//! by the service that counts it; a new thing everybody needs becomes a field of [`Ctx`].

pub mod auth;
pub mod backlog;
pub mod budget;
pub mod clock;
pub mod config;
pub mod ctx;
pub mod db;
pub mod files;
pub mod health;
pub mod host;
pub mod http;
#[cfg(feature = "real")]
pub mod inspect;
pub mod log;
pub mod metrics;
pub mod parts;
pub mod peer;
pub mod problem;
pub mod program;
pub mod provider;
pub mod quota;
pub mod rng;
pub mod secrets;
pub mod sign;
pub mod tasks;
pub mod telemetry;
pub mod tenants;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
pub mod wait;
pub mod worker;
pub mod zones;

pub use ctx::Ctx;
pub use problem::{Problem, Reason};
