//! The provider's tool on the state directory of a real platform.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod commands;
mod dlq;
mod doctor;
mod world;
