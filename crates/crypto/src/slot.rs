//! Key slots: the user's root under the password and a device, a passkey and a device, or the recovery key alone.
//!
//! ```text
//! outer key = HKDF(secret, salt, info = CBOR ["siegel/1/slot-key", kind])       secret: OPAQUE export key, PRF, recovery key
//! sealed    = AES-256-GCM(outer key, nonce 0, AAD = context, inner)
//! inner     = HPKE to the device's X-Wing key (enc ‖ ct), info = context;  for a recovery slot the root itself
//! ```
//! A thief of the server's database needs the password **and** the device; of the device, the password and the server.

use rand_core::CryptoRng;
use siegel_envelope::KemPublicKey;
use siegel_envelope::cbor::Blob;
use siegel_envelope::grant::Enc;
use siegel_envelope::slot::{Slot, SlotContext, SlotKind, SlotSalt};
use zeroize::Zeroizing;

use crate::aead::{Aes256Gcm, TAG};
use crate::keys::{KemSecretKey, UserRoot};
use crate::recovery::RecoveryKey;
use crate::secret::Secret;
use crate::{BadRecipientKey, OpenError, hpke_box, kdf};

/// What opens the outer layer.
#[derive(Debug, Clone, Copy)]
pub enum SlotSecret<'a> {
    /// OPAQUE's export key.
    Password(&'a Secret<64>),
    /// A passkey's PRF output.
    Passkey(&'a Secret<32>),
    /// The printed recovery key.
    Recovery(&'a RecoveryKey),
}

impl SlotSecret<'_> {
    /// The kind of slot it opens.
    pub const fn kind(&self) -> SlotKind {
        match self {
            Self::Password(_) => SlotKind::Password,
            Self::Passkey(_) => SlotKind::Passkey,
            Self::Recovery(_) => SlotKind::Recovery,
        }
    }

    fn outer_key(&self, salt: &SlotSalt) -> Aes256Gcm {
        let secret: &[u8] = match self {
            Self::Password(key) => key.expose(),
            Self::Passkey(prf) => prf.expose(),
            Self::Recovery(key) => key.secret().expose(),
        };
        Aes256Gcm::new(&kdf::derive(secret, salt.as_bytes(), &("siegel/1/slot-key", self.kind())))
    }
}

/// Why a slot was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// Context, secret and device key don't belong together: a device slot has a device, a recovery slot none.
    #[error("the slot's kind does not fit what it is sealed with")]
    Kind,
    /// The device's key can't be sealed to.
    #[error(transparent)]
    Device(#[from] BadRecipientKey),
}

/// Seals `root`. `device` is the device's X-Wing key, absent for a recovery slot.
pub fn seal(
    context: SlotContext,
    root: &UserRoot,
    secret: SlotSecret<'_>,
    device: Option<&KemPublicKey>,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Slot, SlotError> {
    let on_device = context.kind != SlotKind::Recovery;
    if context.kind != secret.kind() || context.device.is_some() != on_device || device.is_some() != on_device {
        return Err(SlotError::Kind);
    }
    let aad = context.to_aad();
    let mut inner = Zeroizing::new(match device {
        Some(device) => {
            let (enc, ct) = hpke_box::seal(device, &aad, root.0.expose(), rng)?;
            [&enc.as_bytes()[..], &ct].concat()
        }
        None => root.0.expose().to_vec(),
    });
    let mut salt = [0; SlotSalt::LEN];
    rng.fill_bytes(&mut salt);
    let salt = SlotSalt::from_bytes(salt);
    let tag = secret.outer_key(&salt).seal_in_place([0; 12], &aad, &mut inner);
    let sealed = Blob([&inner[..], &tag].concat());
    Ok(Slot { context, salt, sealed })
}

/// Opens a slot that must be bound to exactly `expected`, which the caller knows from its own profile (and, for the
/// user key, from the roster), never from the slot.
pub fn open(
    slot: &Slot,
    expected: &SlotContext,
    secret: SlotSecret<'_>,
    device: Option<&KemSecretKey>,
) -> Result<UserRoot, OpenError> {
    slot.context.suite.known()?;
    if slot.context != *expected || expected.kind != secret.kind() {
        return Err(OpenError::Authentication);
    }
    let aad = expected.to_aad();
    let length = slot.sealed.0.len().checked_sub(TAG).ok_or(OpenError::Authentication)?;
    let mut inner = Zeroizing::new(vec![0; length]);
    secret
        .outer_key(&slot.salt)
        .open_into([0; 12], &aad, &slot.sealed.0, &mut inner)
        .map_err(|_| OpenError::Authentication)?;
    let root = match (expected.kind, device) {
        (SlotKind::Recovery, _) => inner,
        (_, None) => return Err(OpenError::Authentication),
        (_, Some(device)) => {
            let (enc, ct) = inner.split_at_checked(Enc::LEN).ok_or(OpenError::Authentication)?;
            let enc = Enc::from_slice(enc).ok_or(OpenError::Authentication)?;
            hpke_box::open(&device.0, &enc, &aad, ct)?
        }
    };
    let root = UserRoot(root.try_into()?);
    if root.user_key().public().fingerprint() != expected.user_key {
        return Err(OpenError::Authentication);
    }
    Ok(root)
}
