//! End-to-end tests. Those of a promise carry its id; docs/requirements.md lists them.

mod centre;
mod conversations;
mod erasing;
mod faults;
mod practice;
mod sealed;
mod support;
mod uploads;
