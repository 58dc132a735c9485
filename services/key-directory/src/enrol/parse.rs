//! What a newcomer offers: keys of the right form, a slot that is theirs, a name in its one spelling.

use opaque_ke::{RegistrationUpload, ServerRegistration};
use siegel_api::enrol::{DeviceKeys, PersonKeys};
use siegel_domain::{DeviceId, MemberId, TenantId, text};
use siegel_envelope::enrol::EnrolmentMac;
use siegel_envelope::login::Suite as OpaqueSuite;
use siegel_envelope::roster::RosterDevice;
use siegel_envelope::slot::{Slot, SlotKind};
use siegel_envelope::{KemPublicKey, SigningPublicKey, Suite};
use siegel_platform::Problem;
use siegel_platform::db::{Tx, violated};

use super::Newcomer;
use crate::app::{Directory, Place};
use crate::error;
use crate::logins::{RECORD_BYTES, SETUP};
use crate::store::members::Enrolment;
use crate::store::{devices, members};
use siegel_api::members::Standing;

/// Public keys of a new device.
pub(crate) struct NewDevice {
    pub(crate) sign: SigningPublicKey,
    pub(crate) kem: KemPublicKey,
}

impl NewDevice {
    pub(crate) fn parse(keys: &DeviceKeys) -> Result<Self, Problem> {
        let kem = KemPublicKey::from_slice(&keys.kem_key);
        Ok(Self {
            sign: sign_key("device.sign_key", &keys.sign_key)?,
            kem: kem.map_err(|_| Problem::invalid("device.kem_key", "is not an X-Wing public key (1216 bytes)"))?,
        })
    }

    /// As the roster lists it.
    pub(crate) fn in_roster(&self, device: DeviceId) -> RosterDevice {
        RosterDevice { device, sign: self.sign, kem: self.kem.fingerprint() }
    }
}

/// Reads an Ed25519 public key; those of small order are refused.
pub(crate) fn sign_key(field: &'static str, bytes: &[u8]) -> Result<SigningPublicKey, Problem> {
    let key = bytes.try_into().ok().and_then(|bytes| SigningPublicKey::from_bytes(bytes).ok());
    key.ok_or_else(|| Problem::invalid(field, "is not an Ed25519 public key (32 bytes)"))
}

/// Reads the MAC over the offered keys. The server can't check it; the confirming client does.
pub(crate) fn mac(bytes: &[u8]) -> Result<EnrolmentMac, Problem> {
    EnrolmentMac::from_slice(bytes).ok_or_else(|| Problem::invalid("mac", "has to be 32 bytes"))
}

/// What a person registers.
pub(crate) struct NewPerson {
    pub(crate) user_key: KemPublicKey,
    pub(crate) recovery_key: Option<SigningPublicKey>,
    login_hash: [u8; 32],
    opaque_record: Vec<u8>,
    slot: Vec<u8>,
    recovery_slot: Option<Vec<u8>>,
}

impl NewPerson {
    /// Checks everything, and puts the second layer around what is stored.
    pub(crate) async fn parse(
        directory: &Directory,
        tenant: TenantId,
        (member, device): (MemberId, DeviceId),
        person: &PersonKeys,
    ) -> Result<Self, Problem> {
        if !text::is_login_local(&person.login_name) {
            let what = "has to be 1 to 64 characters of a-z, 0-9, dot, hyphen and underscore";
            return Err(Problem::invalid("person.login_name", what));
        }
        let user_key = KemPublicKey::from_slice(&person.user_key)
            .map_err(|_| Problem::invalid("person.user_key", "is not an X-Wing public key (1216 bytes)"))?;
        let recovery_key = match &person.recovery_key {
            Some(key) => Some(sign_key("person.recovery_key", key)?),
            None => None,
        };
        let theirs = |slot: &Slot, device: Option<DeviceId>, kind: SlotKind| {
            let bound = &slot.context;
            bound.suite == Suite::ONE
                && bound.tenant == tenant
                && bound.member == member
                && bound.device == device
                && bound.kind == kind
                && bound.user_key == user_key.fingerprint()
        };
        let slot = parse_slot("person.slot", &person.slot)?;
        if !theirs(&slot, Some(device), SlotKind::Password) {
            return Err(Problem::invalid("person.slot", "is bound to another user, device or key"));
        }
        let recovery_slot = match &person.recovery_slot {
            Some(bytes) => {
                let slot = parse_slot("person.recovery_slot", bytes)?;
                if !theirs(&slot, None, SlotKind::Recovery) {
                    return Err(Problem::invalid("person.recovery_slot", "is bound to another user or key"));
                }
                Some(slot.to_bytes())
            }
            None => None,
        };
        let record = opaque_record(&person.opaque_record)?;
        let (row, device_row) = (member.to_string(), device.to_string());
        Ok(Self {
            user_key,
            recovery_key,
            login_hash: directory.logins.of(tenant).await?.names.hash(&person.login_name),
            opaque_record: directory.seal(tenant, Place("members", &row, "opaque_record"), &record).await?,
            slot: directory.seal(tenant, Place("slots", &device_row, "slot"), &slot.to_bytes()).await?,
            recovery_slot: match recovery_slot {
                Some(slot) => Some(directory.seal(tenant, Place("members", &row, "recovery_slot"), &slot).await?),
                None => None,
            },
        })
    }

    /// Writes an invited member's keys, device and slot. A taken login name is the newcomer's to change.
    pub(crate) async fn store(
        &self,
        tx: &mut Tx<'_>,
        newcomer: &Newcomer,
        (member, standing): (MemberId, Standing),
        device: &NewDevice,
        now_ms: i64,
    ) -> Result<(), Problem> {
        let enrolment = Enrolment {
            standing,
            login_hash: &self.login_hash,
            opaque_setup: i64::from(SETUP),
            opaque_record: &self.opaque_record,
            user_key: &self.user_key.as_bytes()[..],
            recovery_key: self.recovery_key.as_ref().map(|key| &key.as_bytes()[..]),
            recovery_slot: self.recovery_slot.as_deref(),
        };
        match members::enrol(tx, member, &enrolment).await {
            Ok(true) => {}
            Ok(false) => return Err(siegel_platform::Reason::InviteUsed.into()),
            Err(error) if violated(&error).is_some() => {
                let taken = Problem::new(siegel_platform::Reason::AlreadyExists);
                return Err(taken.field("person.login_name", "is taken at this institution; choose another"));
            }
            Err(error) => return Err(error.into()),
        }
        store_device(tx, newcomer, device, now_ms).await?;
        members::insert_slot(tx, newcomer.invite.device, &self.slot).await?;
        Ok(())
    }
}

/// Writes the newcomer's device. A key that was here before is refused: keys never come back.
pub(crate) async fn store_device(
    tx: &mut Tx<'_>,
    newcomer: &Newcomer,
    device: &NewDevice,
    now_ms: i64,
) -> Result<(), Problem> {
    let invite = &newcomer.invite;
    match devices::insert(tx, invite.device, invite.principal, (&device.sign, &device.kem), now_ms).await {
        Ok(()) => Ok(()),
        Err(error) if violated(&error).is_some() => {
            let known = Problem::new(siegel_platform::Reason::AlreadyExists);
            Err(known.field("device.sign_key", "was registered before; make a new key"))
        }
        Err(error) => Err(error.into()),
    }
}

fn parse_slot(field: &'static str, bytes: &[u8]) -> Result<Slot, Problem> {
    Slot::from_bytes(bytes).map_err(|error| error::decode(field, error))
}

/// OPAQUE's registration upload, as it is stored.
fn opaque_record(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let invalid = || Problem::invalid("person.opaque_record", "is not OPAQUE's registration upload (192 bytes)");
    if bytes.len() != RECORD_BYTES {
        return Err(invalid());
    }
    let upload = RegistrationUpload::<OpaqueSuite>::deserialize(bytes).map_err(|_| invalid())?;
    Ok(ServerRegistration::finish(upload).serialize().to_vec())
}
