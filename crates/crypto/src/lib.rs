//! The client side of Siegel's cryptography: everything that needs a secret key. No service depends on this crate
//! (`cargo xtask check` fails if one does), which is how "the provider can't read" is a property of the build.
//!
//! All formats are those of `siegel-envelope`; `docs/format.md` and `docs/keys.md` specify them. Randomness is passed
//! in, secrets are wiped when dropped and never shown by `Debug`, and whatever fails to open fails with **one** error,
//! so that nobody can learn by trying what was wrong with it.
//!
//! ```text
//! device keys ─┬─ sign: manifests, grants, roster, epochs     user root ── user key ── bundle ── epoch seeds
//!              └─ X-Wing: slots, a sender's records           epoch seed ─┬─ inbox key ── grants ── record key
//! password ── OPAQUE export key ── slot ── user root                      └─ search, labels, invites
//! ```

mod aead;
mod hpke_box;
mod kdf;

pub mod bundle;
pub mod chunk;
pub mod epoch;
pub mod grant;
pub mod invite;
pub mod keys;
pub mod label;
pub mod login;
pub mod meta;
pub mod open;
pub mod recovery;
pub mod roster;
pub mod salted;
pub mod seal;
pub mod secret;
pub mod slot;
pub mod state;

pub use keys::{DeviceKeys, EpochRing, EpochSeed, KemSecretKey, SigningSecretKey, UserRoot};
pub use open::RecordOpener;
pub use rand_core;
pub use seal::{RecordContext, RecordSealer};
pub use secret::RecordKey;
pub use siegel_envelope as envelope;

use siegel_envelope::suite::UnknownSuite;

/// Why something did not open. Whatever was tampered with, swapped, cut or sealed for someone else is
/// [`OpenError::Authentication`], and nothing more is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Damaged, tampered with, or not sealed for this key.
    #[error("damaged, tampered with, or not sealed for this key")]
    Authentication,
    /// Made by a newer version.
    #[error(transparent)]
    Unsupported(#[from] UnknownSuite),
    /// The caller asked for a part or range the record does not have.
    #[error("the record has no such part or range")]
    Range,
}

/// A public key that nothing can be sealed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key that can be sealed to")]
pub struct BadRecipientKey;
