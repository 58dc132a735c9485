//! The key directory: who belongs to a tenant, with which keys, and who is signed in.
//!
//! Owns, per tenant, `key-directory.db`: the signed roster and its epochs, members, senders, devices, key slots, codes,
//! logins and sessions; and in the provider database the dealers' machines and sessions. It verifies every signature that
//! enters and can open nothing that is sealed. REST: `/v1/info`, `/v1/auth`, `/v1/members`, `/v1/senders`, `/v1/devices`,
//! `/v1/keys`. gRPC: who is calling, which key is current, whose key signed, who was signed out.
//!
//! ```text
//! api/rest ─┐                         ┌─ rosters   (verify, append, epochs)
//! api/grpc ─┴─► use case (one file) ──┼─ store     (SQL, one transaction)
//!                                     └─ revocations, after the commit
//! ```
//!
//! A use case is a function over [`app`]'s `Directory`; it checks the caller's permission first, works in one
//! transaction, and writes its event and its audit line there. A new route is a handler in `api/rest`, a line in its
//! `routes()`, and a use case.

pub mod admin;
pub mod api;
pub mod app;
pub mod config;

mod attempt;
mod challenges;
mod confirm;
mod devices;
mod enrol;
mod error;
mod invite;
mod keys;
mod login;
mod logins;
mod machine_login;
mod members;
mod nowhere;
mod paging;
mod program;
mod provider_audit;
mod remove;
mod resolve;
mod revocations;
mod rosters;
mod senders;
mod session;
mod store;
mod throttle;

pub use app::{App, StartError};
pub use config::KeyDirectoryConfig;
pub use program::program;
