//! Tests that reach into the platform: a clock that they move, workers that they step, zones that fail when they say so. They
//! need it in their own process, and so are left out where it is six programs (`--skip inside::`); docs/testing.md says
//! which promises that concerns.

mod noisy;
mod year;
mod zones;
