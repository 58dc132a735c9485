//! The whole platform in one process: every service on the embedded parts, behind one HTTPS address. Also what the
//! end-to-end tests and the simulation start. It can't open anything: no crate that can is below it.
//!
//! ```text
//! config ─► parts: secrets, databases, zones, certificates, listener ─► Ctx
//!           assemble: the services, each a peer of the others (gRPC in process), their routes on one host
//! ```

pub mod assemble;
pub mod banner;
pub mod cli;
pub mod config;
mod docs;
mod late;
mod openapi;
pub mod parts;
mod program;

pub use assemble::Platform;
pub use config::ServerConfig;
pub use program::run_program;
