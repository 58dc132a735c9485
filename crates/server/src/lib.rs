//! The whole platform in one process: every service on the embedded parts, behind one HTTPS address. Also what the
//! end-to-end tests and the simulation start. It can't open anything: no crate that can is below it.
//!
//! ```text
//! config ─► siegel_platform::host: secrets, databases, zones, certificates, listener
//!           assemble: the services, started as in their own programs, each a peer of the others
//! ```

pub mod assemble;
pub mod asyncapi;
pub mod banner;
pub mod cli;
pub mod config;
mod docs;
mod program;

pub use assemble::Platform;
pub use config::ServerConfig;
pub use program::run_program;
