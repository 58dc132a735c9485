//! The public API's JSON bodies, once, for the services that answer and the SDK that asks: neither can drift
//! from the other, and the OpenAPI document is derived from the same types (feature `openapi`).
//!
//! House rules: bytes travel as base64url without padding ([`Bytes`]), moments as milliseconds since the Unix epoch
//! (`…_ms`), sizes in bytes (`…_bytes`), ids in their text form. What is signed travels as the exact bytes that were
//! signed (`siegel-envelope` decodes them), never re-encoded as JSON. Unknown fields in requests are refused: a
//! misspelt option must not be ignored silently.

pub mod auth;
mod bytes;
pub mod conversations;
pub mod enrol;
pub mod events;
pub mod keys;
pub mod members;
pub mod page;
pub mod problem;
pub mod records;
pub mod retention;
pub mod tenants;

pub use bytes::Bytes;

/// Header that names the digest of the part in the body: base64url of 32 bytes.
pub const PART_DIGEST_HEADER: &str = "siegel-part-digest";
/// Header that makes a POST safe to repeat (24 h, scoped to tenant, principal, route and body).
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// Header in which the server hands out the nonce for the next DPoP proof (RFC 9449 § 8).
pub const DPOP_NONCE_HEADER: &str = "dpop-nonce";
