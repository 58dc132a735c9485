//! The key directory over its real routes and stores, under a clock that the tests move. The client side is made of
//! `siegel-crypto`, as a client would: what passes here was signed, sealed and proved for real.

#![expect(clippy::unwrap_used, reason = "an unwrap in a test is an assertion; helpers of tests are tests")]

mod crossing;
mod enrol;
mod keys;
mod login;
mod members;
mod people;
mod senders;
mod sessions;
mod world;
