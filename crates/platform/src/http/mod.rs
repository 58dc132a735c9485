//! The one server stack of the platform.

mod body;
pub mod etag;
mod extract;
pub mod idempotency;
pub mod page;

pub use body::{BodyError, BodyLimit, body_limit, cause_of, read_whole};
pub use extract::{HashedJson, Json, Path, Query};
