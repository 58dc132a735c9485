//! End-to-end tests. Those of a promise carry its id; docs/requirements.md lists them.
#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]
#![expect(clippy::disallowed_methods, reason = "tests spawn what they abort, and await the handle")]

mod access;
mod centre;
mod child;
mod conversations;
mod crossing;
mod erasing;
mod faults;
mod inside;
mod ledger;
mod liar;
#[cfg(target_os = "linux")]
mod memory;
mod numbers;
mod practice;
mod programs;
mod sealed;
mod support;
mod traces;
mod uploads;
