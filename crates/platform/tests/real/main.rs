//! The platform on the real parts. Needs `cargo xtask up`, or `SIEGEL_WITHOUT_PARTS=1` to be left out.
#![expect(clippy::unwrap_used, reason = "in a test, and in what tests share, it is an assertion")]

mod zone_faults;
mod zones;
