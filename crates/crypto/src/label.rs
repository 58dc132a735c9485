//! Names that only the tenant's members read: of members, senders, conversations. Sealed under the labels key of an
//! epoch, bound to what they name, padded.
//!
//! Form: epoch number (8 bytes, big-endian) ‖ salted box of the padded UTF-8 text.

use rand_core::CryptoRng;
use siegel_domain::TenantId;
use siegel_envelope::cbor;
use zeroize::Zeroizing;

use crate::keys::{EpochRing, EpochSeed};
use crate::{OpenError, salted};

/// Lengths that a text is padded to, with its four bytes of length.
pub const BUCKETS: [usize; 3] = [128, 512, 2048];

/// Longer than the largest bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is at most {} bytes", BUCKETS[2] - 4)]
pub struct LabelError;

fn info(tenant: TenantId, subject: &str) -> Vec<u8> {
    cbor::encode(&("siegel/1/label", tenant, subject))
}

/// Seals `text` as the name of `subject`: an id, or whatever else the opener knows without the server's help.
pub fn seal(
    epoch: &EpochSeed,
    subject: &str,
    text: &str,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, LabelError> {
    let padded = salted::pad(text.as_bytes(), &BUCKETS).ok_or(LabelError)?;
    let sealed = salted::seal(epoch.labels_key().expose(), &info(epoch.tenant(), subject), &padded, rng);
    Ok([&epoch.number().to_be_bytes()[..], &sealed].concat())
}

/// Opens the name of `subject`.
pub fn open(ring: &EpochRing, subject: &str, sealed: &[u8]) -> Result<Zeroizing<String>, OpenError> {
    let (number, sealed) = sealed.split_first_chunk().ok_or(OpenError::Authentication)?;
    let epoch = ring.get(u64::from_be_bytes(*number)).ok_or(OpenError::Authentication)?;
    let padded = salted::open(epoch.labels_key().expose(), &info(ring.tenant(), subject), sealed)?;
    let text = std::str::from_utf8(salted::unpad(&padded, &BUCKETS)?).map_err(|_| OpenError::Authentication)?;
    Ok(Zeroizing::new(text.to_owned()))
}
