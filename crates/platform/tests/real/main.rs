//! The platform's ports on the real parts: the same contract suites as on the embedded ones, and the faults that only real
//! parts have. Start them with `cargo xtask up`; without them these tests fail, unless SIEGEL_WITHOUT_PARTS says so.
#![expect(clippy::unwrap_used, reason = "in a test, and in what tests share, it is an assertion")]

mod bao;
mod log;
mod privilege;
mod secrets;
mod store;
mod zone_faults;
mod zone_rotation;
mod zones;
