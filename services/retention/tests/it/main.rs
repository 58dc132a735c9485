//! Retention on real files, beside an upload service of the test's own.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod audit;
mod clock;
mod deadlines;
mod erasing;
mod receipts;
mod upload;
mod world;
