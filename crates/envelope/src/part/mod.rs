//! Parts: what a sealed part looks like from outside, and its digest.
//!
//! ```text
//! salt (32) ‖ chunk 0 ‖ … ‖ chunk n-1 ‖ trailer (32·n)        n ≤ 32; a chunk = ≤ 256 KiB ciphertext + 16 tag
//! trailer = BLAKE3(chunk 0) ‖ … ‖ BLAKE3(chunk n-1)
//! digest  = BLAKE3(CBOR ["siegel/1/part", salt, trailer])
//! ```
//! The digest stands in the signed manifest. With salt and trailer (1 KiB) read, each chunk can be checked against the
//! signature by itself, so that a range costs one chunk on each side and not the whole part.

mod digest;
mod layout;

pub use digest::{PartDigester, digest_of, digest_of_trailer};
pub use layout::{ChunkRange, LayoutError, PartLayout, PartShape, layout, range, shape};

/// Why bytes are not a sealed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// No sealed part has this length.
    #[error("no sealed part has this length")]
    Length,
    /// More bytes than were announced, or fewer.
    #[error("other than the announced number of bytes")]
    Announced,
    /// The trailer does not hold the hashes of the chunks before it.
    #[error("the trailer does not fit the chunks")]
    Trailer,
}
