//! AES-256-GCM, the only place that knows which implementation: aws-lc-rs natively (VAES, 9 GiB/s a core), RustCrypto
//! on wasm32, where there is no assembly. Both are fed the same vectors.
//!
//! Nonces are the caller's business: every key here is used with a nonce once, because keys come from a fresh salt.

use crate::secret::Secret;

pub(crate) const TAG: usize = 16;
pub(crate) type Nonce = [u8; 12];

/// Did not authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed;

/// A key with its schedule set up.
pub(crate) struct Aes256Gcm(backend::Key);

impl Aes256Gcm {
    pub(crate) fn new(key: &Secret<32>) -> Self {
        Self(backend::key(key.expose()))
    }

    /// Encrypts `data` where it lies and returns the tag.
    pub(crate) fn seal_in_place(&self, nonce: Nonce, aad: &[u8], data: &mut [u8]) -> [u8; TAG] {
        backend::seal(&self.0, nonce, aad, data)
    }

    /// Decrypts ciphertext ‖ tag into `out`, which is as long as the ciphertext; `out` is all zero if it fails.
    pub(crate) fn open_into(&self, nonce: Nonce, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<(), Failed> {
        let Some((ciphertext, tag)) = sealed.split_last_chunk::<TAG>() else { return Err(Failed) };
        if ciphertext.len() != out.len() {
            return Err(Failed);
        }
        backend::open(&self.0, nonce, aad, ciphertext, tag, out).inspect_err(|_| out.fill(0))
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod backend {
    use super::{Failed, Nonce, TAG};
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as LcNonce, UnboundKey};

    pub(super) type Key = LessSafeKey;

    pub(super) fn key(bytes: &[u8; 32]) -> Key {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("32 bytes are an AES-256 key"))
    }

    pub(super) fn seal(key: &Key, nonce: Nonce, aad: &[u8], data: &mut [u8]) -> [u8; TAG] {
        let tag = key
            .seal_in_place_separate_tag(LcNonce::assume_unique_for_key(nonce), Aad::from(aad), data)
            .expect("a chunk is far shorter than GCM's limit of 64 GiB");
        tag.as_ref().try_into().expect("GCM's tag has 16 bytes")
    }

    pub(super) fn open(
        key: &Key,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG],
        out: &mut [u8],
    ) -> Result<(), Failed> {
        key.open_separate_gather(LcNonce::assume_unique_for_key(nonce), Aad::from(aad), ciphertext, tag, out)
            .map_err(|_| Failed)
    }
}

#[cfg(target_arch = "wasm32")]
mod backend {
    use super::{Failed, Nonce, TAG};
    use aes_gcm::aead::{AeadInOut, KeyInit};

    pub(super) type Key = aes_gcm::Aes256Gcm;

    pub(super) fn key(bytes: &[u8; 32]) -> Key {
        aes_gcm::Aes256Gcm::new(bytes.into())
    }

    pub(super) fn seal(key: &Key, nonce: Nonce, aad: &[u8], data: &mut [u8]) -> [u8; TAG] {
        key.encrypt_inout_detached(&nonce.into(), aad, data.into())
            .expect("a chunk is far shorter than GCM's limit of 64 GiB")
            .into()
    }

    pub(super) fn open(
        key: &Key,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG],
        out: &mut [u8],
    ) -> Result<(), Failed> {
        out.copy_from_slice(ciphertext);
        key.decrypt_inout_detached(&nonce.into(), aad, out.into(), tag.into()).map_err(|_| Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gcm_agrees_with_a_published_vector_and_wipes_what_fails() {
        // NIST's GCM submission, test case 14: zero key, zero nonce, one zero block.
        let key = Aes256Gcm::new(&Secret::zero());
        let mut data = [0u8; 16];
        let tag = key.seal_in_place([0; 12], b"", &mut data);
        assert_eq!(
            data,
            [0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18]
        );
        assert_eq!(
            tag,
            [0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19]
        );

        let mut sealed = [&data[..], &tag[..]].concat();
        let mut out = [9u8; 16];
        assert_eq!(key.open_into([0; 12], b"", &sealed, &mut out), Ok(()));
        assert_eq!(out, [0; 16]);
        sealed[3] ^= 1;
        out = [9; 16];
        assert_eq!(key.open_into([0; 12], b"", &sealed, &mut out), Err(Failed));
        assert_eq!(out, [0; 16], "no plaintext of a chunk that failed");
    }
}
