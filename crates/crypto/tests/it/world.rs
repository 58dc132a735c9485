//! A tenant with an owner, and fixed randomness.

use std::convert::Infallible;

use siegel_crypto::keys::{DeviceKeys, EpochRing, UserRoot};
use siegel_crypto::rand_core::{TryCryptoRng, TryRng};
use siegel_crypto::{RecordContext, epoch, roster};
use siegel_domain::{DeviceId, MemberId, Party, RecordId, SenderId, TenantId, Timestamp};
use siegel_envelope::epoch::EpochStatement;
use siegel_envelope::roster::RosterDevice;
use siegel_envelope::{Roster, RosterChange, Signed};

pub(crate) const TENANT: TenantId = TenantId::from_bytes([1; 16]);
pub(crate) const OWNER: MemberId = MemberId::from_bytes([2; 16]);
pub(crate) const SENDER: SenderId = SenderId::from_bytes([3; 16]);
pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// The BLAKE3 stream of a seed.
pub(crate) struct SeededRng(blake3::OutputReader);

pub(crate) fn rng(seed: &str) -> SeededRng {
    SeededRng(blake3::Hasher::new().update(seed.as_bytes()).finalize_xof())
}

impl TryRng for SeededRng {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut out = [0; 4];
        self.try_fill_bytes(&mut out).map(|()| u32::from_le_bytes(out))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut out = [0; 8];
        self.try_fill_bytes(&mut out).map(|()| u64::from_le_bytes(out))
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(dest);
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}

/// A founded tenant with its first epoch.
pub(crate) struct Tenant {
    pub(crate) device: DeviceKeys,
    pub(crate) root: UserRoot,
    pub(crate) roster: Roster,
    pub(crate) ring: EpochRing,
    pub(crate) statement: Signed<EpochStatement>,
}

pub(crate) fn rostered(number: u8, keys: &DeviceKeys) -> RosterDevice {
    RosterDevice {
        device: DeviceId::from_bytes([number; 16]),
        sign: keys.sign.public(),
        kem: keys.kem.public().fingerprint(),
    }
}

pub(crate) fn tenant() -> Tenant {
    let rng = &mut rng("a tenant");
    let (device, root) = (DeviceKeys::generate(rng), UserRoot::generate(rng));
    let found = RosterChange::Found {
        member: OWNER,
        user_key: root.user_key().public().fingerprint(),
        recovery_key: None,
        device: rostered(1, &device),
    };
    let first = roster::found(TENANT, found, NOW, &device.sign);
    let mut roster = Roster::found(first.bytes()).expect("well made");
    let ring = EpochRing::first(TENANT, rng);
    let (statement, entry) = epoch::announce(&ring, &roster, NOW, &device.sign);
    roster.append(entry.bytes()).expect("an owner may");
    Tenant { device, root, roster, ring, statement }
}

pub(crate) fn context(device: &DeviceKeys) -> RecordContext {
    RecordContext {
        tenant: TENANT,
        record: RecordId::from_bytes([9; 16]),
        sender: Party::Sender(SENDER),
        sender_key: device.sign.fingerprint(),
    }
}
