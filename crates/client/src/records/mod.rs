//! Records: sending, listing, opening, passing on. A file is read, sealed and sent part by part and opened the same way,
//! in constant memory; nothing that is not verified is ever handed out.

mod commit;
mod download;
mod fetch;
mod list;
mod open;
mod outgoing;
mod parts;
mod pass_on;
mod range;
mod resume;
mod small;
mod upload;

pub use download::Overwrite;
pub use list::Listing;
pub use open::Opened;
pub use outgoing::{Outgoing, Sent};
pub use siegel_api::records::{Record, RecordQuery};
pub use siegel_crypto::meta::Metadata;
