//! The provider's tool on the real parts.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod clock;
mod doctor;
mod rotate;
mod rotate_parts;
mod world;
