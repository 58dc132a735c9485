//! The operator and the dealer API on real files.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod dealer_api;
mod reconcile;
mod world;
