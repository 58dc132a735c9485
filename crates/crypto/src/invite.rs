//! Enrolment codes and what is derived from them. The code's 128 bits never reach the server: it keeps a hash of the
//! token, and the MAC over the newcomer's keys is checked by a member's client.

use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;
use siegel_domain::{Principal, Role, TenantId};
use siegel_envelope::code::CodeSecret;
use siegel_envelope::enrol::{AuthToken, EnrolmentMac, Offer};
use siegel_envelope::{Digest, cbor};
use zeroize::Zeroize;

use crate::keys::{EpochRing, EpochSeed};
use crate::secret::Secret;
use crate::{OpenError, kdf, salted};

/// A fresh code secret.
pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> CodeSecret {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    let secret = CodeSecret::from_bytes(bytes);
    bytes.zeroize();
    secret
}

/// HKDF(code, info = CBOR `["siegel/1/code-auth"]`): shown to the server, which stores its BLAKE3 only.
pub fn auth(code: &CodeSecret) -> AuthToken {
    AuthToken::from_bytes(*kdf::derive(code.as_bytes(), b"", &("siegel/1/code-auth",)).expose())
}

fn mac_of(code: &CodeSecret, offer: &Offer) -> Hmac<Sha256> {
    let key = kdf::derive(code.as_bytes(), b"", &("siegel/1/code-mac",));
    Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length").chain_update(offer.mac_input())
}

/// HMAC-SHA256 under HKDF(code, info = CBOR `["siegel/1/code-mac"]`) over [`Offer::mac_input`].
pub fn mac(code: &CodeSecret, offer: &Offer) -> EnrolmentMac {
    EnrolmentMac::from_bytes(mac_of(code, offer).finalize().into_bytes().into())
}

/// Whether `mac` was made with this code over exactly these keys; in constant time.
pub fn verify_mac(code: &CodeSecret, offer: &Offer, mac: &EnrolmentMac) -> Result<(), OpenError> {
    mac_of(code, offer).verify_slice(mac.as_bytes()).map_err(|_| OpenError::Authentication)
}

/// What an invitation promises. Sealed with the code and opened only with the same, so that a server can't turn a
/// member's invitation into an owner's, nor exchange two newcomers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// Whom the newcomer becomes; drawn by the inviting client.
    pub principal: Principal,
    /// Owner, member or sender.
    pub role: Role,
}

fn info(tenant: TenantId, token_hash: &Digest, promise: Promise) -> Vec<u8> {
    cbor::encode(&("siegel/1/invite", tenant, token_hash, promise.principal, promise.role))
}

/// Seals a code's secret for the members of the tenant: epoch number (8 bytes, big-endian), then the salted box under
/// the epoch's invites key, bound to the hash by which the server knows the code, and to what was promised.
pub fn seal_code(
    epoch: &EpochSeed,
    code: &CodeSecret,
    promise: Promise,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Vec<u8> {
    let info = info(epoch.tenant(), &auth(code).stored(), promise);
    let sealed = salted::seal(epoch.invites_key().expose(), &info, code.as_bytes(), rng);
    [&epoch.number().to_be_bytes()[..], &sealed].concat()
}

/// Opens what [`seal_code`] made, for the invitation that the server knows by `token_hash` and says was this promise.
pub fn open_code(
    ring: &EpochRing,
    sealed: &[u8],
    token_hash: &Digest,
    promise: Promise,
) -> Result<CodeSecret, OpenError> {
    let (number, sealed) = sealed.split_first_chunk().ok_or(OpenError::Authentication)?;
    let epoch = ring.get(u64::from_be_bytes(*number)).ok_or(OpenError::Authentication)?;
    let info = info(ring.tenant(), token_hash, promise);
    let secret: Secret<16> = salted::open(epoch.invites_key().expose(), &info, sealed)?.try_into()?;
    Ok(CodeSecret::from_bytes(*secret.expose()))
}
