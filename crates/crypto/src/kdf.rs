//! HKDF-SHA256 (RFC 5869), the one way keys come from keys. The info is always the canonical CBOR of an array that
//! begins with a domain string of its own.

use hkdf::Hkdf;
use sha2::Sha256;
use siegel_envelope::cbor;

use crate::secret::Secret;

/// 32 bytes for `info`, an array that encodes to CBOR. No salt is the empty salt.
pub(crate) fn derive<T: minicbor::Encode<()>>(secret: &[u8], salt: &[u8], info: &T) -> Secret<32> {
    derive_raw(secret, salt, &cbor::encode(info))
}

/// The same with an info that is encoded already.
pub(crate) fn derive_raw(secret: &[u8], salt: &[u8], info: &[u8]) -> Secret<32> {
    let mut out = Secret::zero();
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(info, &mut out.expose_mut()[..])
        .expect("32 bytes are fewer than HKDF can give");
    out
}
