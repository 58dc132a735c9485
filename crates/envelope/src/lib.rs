//! The wire format of Siegel and everything about it that needs no secret: canonical CBOR, key fingerprints, signed
//! objects, part digests, manifests, grants, the roster, epochs, enrolment codes, receipts and directory statements.
//!
//! Services depend on this crate and never on `siegel-crypto`: they verify signatures and digests of what they store,
//! and can't open any of it. It compiles to wasm32, so that the browser checks the same bytes with the same code.
//! `docs/format.md` and `docs/keys.md` are the specification; a change here is a change there.
//!
//! How to add a signed object: a struct with `#[cbor(map)]` and ascending integer keys, an `impl Signable` with its
//! domain string, its bound and its rules, and a seed in `fuzz/corpus`.

pub mod bytes;
pub mod cbor;
pub mod code;
pub mod directory;
pub mod enrol;
pub mod epoch;
pub mod grant;
pub mod keys;
pub mod login;
pub mod manifest;
pub mod part;
pub mod receipt;
pub mod roster;
pub mod signed;
pub mod slot;
pub mod suite;

pub use bytes::{Digest, PartDigest, Signature};
pub use cbor::DecodeError;
pub use code::{CodeKind, EnrolmentCode};
pub use grant::{Grant, GrantContext};
pub use keys::{Fingerprint, KemPublicKey, SigningPublicKey};
pub use manifest::Manifest;
pub use part::{PartDigester, PartError, PartLayout};
pub use roster::{Roster, RosterChange, RosterEntry, RosterError};
pub use signed::{Signable, Signed, SignedBytes, VerifyError};
pub use suite::Suite;
