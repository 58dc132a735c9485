//! Sealing of small things under a long-lived key: `salt (32) ‖ AES-256-GCM ciphertext ‖ tag`, the key for each being
//! HKDF(key, salt, info) and the nonce zero. The fresh salt makes the key fresh, so nothing depends on a counter;
//! the info says what it is and where it belongs, so it opens nowhere else.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::OpenError;
use crate::aead::{Aes256Gcm, TAG};
use crate::kdf;
use crate::secret::Secret;

const SALT: usize = 32;
/// Bytes that sealing adds.
pub const OVERHEAD: usize = SALT + TAG;

/// Seals `plain` under HKDF(`key`, fresh salt, `info`).
pub fn seal(key: &[u8], info: &[u8], plain: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + OVERHEAD);
    out.resize(SALT, 0);
    rng.fill_bytes(&mut out[..]);
    let once = Aes256Gcm::new(&kdf::derive_raw(key, &out, info));
    out.extend_from_slice(plain);
    let tag = once.seal_in_place([0; 12], b"", &mut out[SALT..]);
    out.extend_from_slice(&tag);
    out
}

/// Opens what [`seal`] made with the same key and info.
pub fn open(key: &[u8], info: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (salt, rest) = sealed.split_at_checked(SALT).ok_or(OpenError::Authentication)?;
    let length = rest.len().checked_sub(TAG).ok_or(OpenError::Authentication)?;
    let once = Aes256Gcm::new(&kdf::derive_raw(key, salt, info));
    let mut out = Zeroizing::new(vec![0; length]);
    once.open_into([0; 12], b"", rest, &mut out).map_err(|_| OpenError::Authentication)?;
    Ok(out)
}

/// Four bytes of length (big-endian), the content, zeros up to the next bucket. The caller checked that it fits.
pub(crate) fn pad(content: &[u8], buckets: &[usize]) -> Option<Zeroizing<Vec<u8>>> {
    let bucket = *buckets.iter().find(|bucket| **bucket >= content.len() + 4)?;
    let mut out = Zeroizing::new(Vec::with_capacity(bucket));
    out.extend_from_slice(&u32::try_from(content.len()).ok()?.to_be_bytes());
    out.extend_from_slice(content);
    out.resize(bucket, 0);
    Some(out)
}

/// The content of a padded plaintext; the padding has one form only.
pub(crate) fn unpad<'a>(padded: &'a [u8], buckets: &[usize]) -> Result<&'a [u8], OpenError> {
    let (length, rest) = padded.split_first_chunk::<4>().ok_or(OpenError::Authentication)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (content, zeros) = rest.split_at_checked(length).ok_or(OpenError::Authentication)?;
    let bucket = buckets.iter().find(|bucket| **bucket >= length + 4);
    if bucket != Some(&padded.len()) || zeros.iter().any(|byte| *byte != 0) {
        return Err(OpenError::Authentication);
    }
    Ok(content)
}

impl<const N: usize> TryFrom<Zeroizing<Vec<u8>>> for Secret<N> {
    type Error = OpenError;
    fn try_from(bytes: Zeroizing<Vec<u8>>) -> Result<Self, OpenError> {
        Self::from_slice(&bytes).ok_or(OpenError::Authentication)
    }
}
