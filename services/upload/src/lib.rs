//! Upload keeps the records: parts in two zones, manifests, grants, conversations. It sees sealed bytes only and has no
//! key to them; what it can check it checks (digests, signatures, sizes), and what it promises it signs.
//!
//! ```text
//! PUT part ─ receive ─► one buffer, digest ─► both zones ─► tx: row of the part, rows of its copies ─► ack     put_part
//! POST commit ─► verify manifest and grants ─► tx: open → committing → committed, event, audit ─► receipt      commit
//! GET part ─► chunks from whichever zone has them right, rot noted on the way                                 range
//! workers: sweep (abandoned uploads) · repair (what a zone lacks) · scrub (what rots unread) · inventory (orphans)
//! ```
//!
//! What happens to a byte: it arrives in [`receive`], where it is hashed while it comes; [`put_part`] writes it to both
//! zones under a name drawn for this attempt and only then writes the row that makes the attempt count; [`range`] gives it
//! back, chunk by chunk, compared with the signed digest; [`erase`] deletes it from both zones and looks again.
//!
//! Owns `upload.db` (everything about records but the keys) and `keys.db` (the shred keys) of each tenant. A new use case
//! is a file here, a route in [`api::rest`] or a call in [`api::grpc`], and its line in [`app`].

pub mod access;
pub mod api;
pub mod app;
pub mod buffers;
pub mod busy;
pub mod commit;
pub mod config;
pub mod conversations;
pub mod directory;
pub mod erase;
pub mod error;
pub mod fetched;
pub mod grants;
pub mod inventory;
pub mod list;
pub mod metrics;
pub mod open;
mod program;
pub mod put_part;
pub mod range;
pub mod read;
pub mod receive;
pub mod remove;
pub mod repair;
pub mod rounds;
pub mod scrub;
pub mod seal;
pub mod small;
pub mod store;
pub mod sweep;
pub mod verify;

pub use app::{App, Needs};
pub use config::UploadConfig;
pub use program::program;
