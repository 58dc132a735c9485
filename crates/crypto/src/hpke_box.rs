//! HPKE (RFC 9180), mode Base, X-Wing with HKDF-SHA256 and AES-256-GCM. All context goes into `info`, the AAD stays
//! empty, because implementations in other languages take `info` only.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use siegel_envelope::KemPublicKey;
use siegel_envelope::grant::{Enc, SealedKey};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::{BadRecipientKey, OpenError};

type PrivateKey = <XWing as Kem>::PrivateKey;
type PublicKey = <XWing as Kem>::PublicKey;
type EncappedKey = <XWing as Kem>::EncappedKey;

/// The public key of a 32-byte X-Wing private key, which any 32 random or derived bytes are.
pub(crate) fn public_key(seed: &Secret<32>) -> KemPublicKey {
    let public = XWing::sk_to_pk(&private_key(seed));
    KemPublicKey::from_slice(&public.to_bytes()).expect("an X-Wing public key has 1216 bytes")
}

fn private_key(seed: &Secret<32>) -> PrivateKey {
    PrivateKey::from_bytes(seed.expose()).expect("any 32 bytes are an X-Wing private key")
}

pub(crate) fn seal(
    to: &KemPublicKey,
    info: &[u8],
    plain: &[u8],
    mut rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Enc, Vec<u8>), BadRecipientKey> {
    let public = PublicKey::from_bytes(to.as_bytes()).map_err(|_| BadRecipientKey)?;
    let (enc, ct) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        info,
        plain,
        b"",
        &mut rng,
    )
    .map_err(|_| BadRecipientKey)?;
    Ok((Enc::from_slice(&enc.to_bytes()).expect("X-Wing encapsulates to 1120 bytes"), ct))
}

/// Seals a 32-byte key.
pub(crate) fn seal_key(
    to: &KemPublicKey,
    info: &[u8],
    key: &Secret<32>,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Enc, SealedKey), BadRecipientKey> {
    let (enc, ct) = seal(to, info, key.expose(), rng)?;
    Ok((enc, SealedKey::from_slice(&ct).expect("32 bytes and a tag of 16")))
}

pub(crate) fn open(seed: &Secret<32>, enc: &Enc, info: &[u8], ct: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let enc = EncappedKey::from_bytes(enc.as_bytes()).map_err(|_| OpenError::Authentication)?;
    let key = private_key(seed);
    hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(&OpModeR::Base, &key, &enc, info, ct, b"")
        .map(Zeroizing::new)
        .map_err(|_| OpenError::Authentication)
}

/// Opens a 32-byte key.
pub(crate) fn open_key(seed: &Secret<32>, enc: &Enc, info: &[u8], ct: &SealedKey) -> Result<Secret<32>, OpenError> {
    open(seed, enc, info, ct.as_bytes())?.try_into()
}
