//! The one HTTP server of the platform: HTTP/1.1 and 2 over TLS on one listener. What a stranger can do to it is decided
//! here and nowhere else.
//!
//! ```text
//! socket ─ TLS ─ io (framing judged) ─ conn (hyper, idle, stalled) ─ stack (one list of layers) ─ router of a service
//! ```
//!
//! A service builds its router from handlers that return [`Problem`](crate::Problem)s and take the extractors below; a
//! route that takes larger bodies than [`siegel_domain::limits::JSON_BODY_BYTES`] says so with [`body_limit`].

mod activity;
mod body;
mod conn;
pub mod etag;
mod extract;
mod framing;
pub mod idempotency;
mod io;
mod layers;
mod limits;
mod linger;
mod observe;
pub mod page;
mod server;
pub mod stack;
mod timer;

pub use body::{BodyError, BodyLimit, body_limit, cause_of, read_whole};
pub use conn::PeerAddr;
pub use extract::{HashedJson, Json, Path, Query};
pub use limits::Limits;
pub use observe::{REQUEST_ID, RequestId};
pub use server::{HttpEnv, HttpServer, ListenError, Transport};
