//! Behaviour of the client side beyond the shared vectors (`crates/vectors`): streaming, resuming, logins, epochs.

mod epochs;
mod login;
mod records;
mod secrets;
mod world;
