//! AES-256-GCM with a random nonce in front, and the second layer over columns.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::rng::Rng;

/// The bytes of a key.
pub const KEY_BYTES: usize = 32;

/// The text does not open under this key for this place. Says nothing more: there is nothing a caller could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes do not open here: damaged, moved from elsewhere, or another key")]
pub struct SealError;

/// nonce ‖ ciphertext ‖ tag
pub(super) fn seal(rng: &dyn Rng, key: &[u8; KEY_BYTES], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = rng.bytes();
    let mut text = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
    text.extend_from_slice(plaintext);
    cipher(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text)
        .expect("AES-GCM seals anything shorter than 64 GiB");
    text.splice(0..0, nonce);
    text
}

/// The plaintext, in memory that is overwritten when dropped.
pub(super) fn open(key: &[u8; KEY_BYTES], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(key)
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut text)
        .map_err(|_| SealError)?
        .len();
    text.truncate(length);
    Ok(text)
}

fn cipher(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes every key of 32 bytes"))
}

/// The parts with their lengths, so that moving a byte from one to the next is another text.
pub(super) fn aad(parts: &[&str]) -> Vec<u8> {
    let mut aad = Vec::new();
    for part in parts {
        aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
        aad.extend_from_slice(part.as_bytes());
    }
    aad
}

/// The platform's own layer over what clients sealed already: grants and sealed metadata lie in the database under a
/// record's shred key, so that destroying one row of 32 bytes makes every copy and backup of them unreadable
/// (PROTOCOL "Second layer and erasing"). Bound to tenant, table, row and column: a database administrator can't move a
/// value to another place.
#[derive(Clone)]
pub struct SecondLayer {
    rng: Arc<dyn Rng>,
}

impl SecondLayer {
    /// Nonces come from `rng`.
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self { rng }
    }

    /// Seals `plaintext` for the place named by `[tenant, table, row, column]`. 28 bytes longer than it.
    pub fn seal(&self, key: &[u8; KEY_BYTES], place: &[&str], plaintext: &[u8]) -> Vec<u8> {
        seal(&*self.rng, key, &aad(place), plaintext)
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, key: &[u8; KEY_BYTES], place: &[&str], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open(key, &aad(place), sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    #[test]
    fn opens_only_where_it_was_sealed() {
        let layer = SecondLayer::new(Arc::new(SeededRng::new(1)));
        let place = ["tnt_a", "grants", "rec_1", "ciphertext"];
        let sealed = layer.seal(&[7; 32], &place, b"grant");
        assert_eq!(sealed.len(), 12 + 5 + 16);
        assert_eq!(layer.open(&[7; 32], &place, &sealed).unwrap().as_slice(), b"grant");
        assert_eq!(layer.open(&[8; 32], &place, &sealed), Err(SealError));
        for other in [["tnt_b", "grants", "rec_1", "ciphertext"], ["tnt_ag", "rants", "rec_1", "ciphertext"]] {
            assert_eq!(layer.open(&[7; 32], &other, &sealed), Err(SealError));
        }
        for cut in 0..sealed.len() {
            assert_eq!(layer.open(&[7; 32], &place, &sealed[..cut]), Err(SealError));
        }
        assert_ne!(layer.seal(&[7; 32], &place, b"grant"), sealed, "each sealing draws a new nonce");
    }
}
