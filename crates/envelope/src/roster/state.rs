//! What a chain of entries adds up to, and which entry may come next.

use std::collections::BTreeMap;

use siegel_domain::{DeviceId, MemberId, Permission, Principal, Role, SenderId, TenantId};

use super::{RosterChange, RosterDevice, RosterEntry, RosterError};
use crate::bytes::Digest;
use crate::keys::{Fingerprint, SigningPublicKey};
use crate::signed::SignedBytes;

/// A member as of the last entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Owner or member.
    pub role: Role,
    /// The X-Wing key derived from the user root: bundles and personal grants are sealed to it.
    pub user_key: Fingerprint,
    /// Admits a new device when no old one is left.
    pub recovery_key: Option<SigningPublicKey>,
    /// Registered devices.
    pub devices: BTreeMap<DeviceId, RosterDevice>,
}

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyHolder {
    /// A device of a member or sender.
    Device(Principal, DeviceId),
    /// The recovery key of a member.
    Recovery(MemberId),
}

/// A signing key that is or was in the roster. Old ones stay known, since what they signed stays valid; they come
/// back never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: SigningPublicKey,
    /// Whose.
    pub holder: KeyHolder,
    /// Whether it may still sign.
    pub active: bool,
}

/// The newest epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochRef {
    /// Its number.
    pub number: u64,
    /// Digest of its signed statement.
    pub statement: Digest,
    /// The key that signed both the entry and the statement.
    pub signer: SigningPublicKey,
}

/// A verified roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    pub(super) tenant: TenantId,
    pub(super) root: Fingerprint,
    pub(super) head: Digest,
    pub(super) length: u64,
    pub(super) members: BTreeMap<MemberId, Member>,
    pub(super) senders: BTreeMap<SenderId, RosterDevice>,
    pub(super) keys: BTreeMap<Fingerprint, KnownKey>,
    pub(super) epoch: Option<EpochRef>,
    pub(super) epoch_due: bool,
}

impl Roster {
    /// The root that a chain with this first entry has.
    pub fn root_of(first: &SignedBytes) -> Fingerprint {
        Fingerprint::from_bytes(*first.digest().as_bytes())
    }

    /// Starts a roster from its first entry, whose signature is checked against the device it names. Whether this is
    /// the right tenant only its root says: compare [`Roster::root`] or use [`Roster::replay`].
    pub fn found(first: &SignedBytes) -> Result<Self, RosterError> {
        let RosterChange::Found { member, user_key, recovery_key, device } = first.peek::<RosterEntry>()?.change else {
            return Err(RosterError::Sequence);
        };
        let entry: RosterEntry = first.open(&device.sign)?;
        let mut roster = Self {
            tenant: entry.tenant,
            root: Self::root_of(first),
            head: first.digest(),
            length: 1,
            members: BTreeMap::new(),
            senders: BTreeMap::new(),
            keys: BTreeMap::new(),
            epoch: None,
            epoch_due: true,
        };
        roster.add_member(member, Role::Owner, user_key, recovery_key, device)?;
        Ok(roster)
    }

    /// Verifies a whole chain that must start with the entry `root` names.
    pub fn replay<'a>(
        entries: impl IntoIterator<Item = &'a SignedBytes>,
        root: Fingerprint,
    ) -> Result<Self, RosterError> {
        let mut entries = entries.into_iter();
        let first = entries.next().ok_or(RosterError::Empty)?;
        if Self::root_of(first) != root {
            return Err(RosterError::Root);
        }
        let mut roster = Self::found(first)?;
        entries.try_for_each(|entry| roster.append(entry).map(|_| ()))?;
        Ok(roster)
    }

    /// Verifies `entry` as the next one, without taking it.
    pub fn check_append(&self, entry: &SignedBytes) -> Result<RosterEntry, RosterError> {
        self.clone().append(entry)
    }

    /// Verifies `entry` as the next one and takes it; unchanged if it is refused.
    pub fn append(&mut self, entry: &SignedBytes) -> Result<RosterEntry, RosterError> {
        let signer = *self.keys.get(&entry.signer).filter(|k| k.active).ok_or(RosterError::UnknownSigner)?;
        let opened: RosterEntry = entry.open(&signer.key)?;
        if opened.tenant != self.tenant {
            return Err(RosterError::Tenant);
        }
        if opened.sequence != self.length || opened.previous != Some(self.head) {
            return Err(RosterError::Sequence);
        }
        self.entitled(signer.holder, &opened.change)?;
        self.apply(&signer.key, &opened.change)?;
        self.head = entry.digest();
        self.length += 1;
        Ok(opened)
    }
}

/// Looking things up.
impl Roster {
    /// The tenant.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The root: what enrolment codes carry and people compare.
    pub const fn root(&self) -> Fingerprint {
        self.root
    }

    /// Digest of the last entry; the `previous` of the next.
    pub const fn head(&self) -> Digest {
        self.head
    }

    /// Number of entries; the `sequence` of the next.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Members by id.
    pub const fn members(&self) -> &BTreeMap<MemberId, Member> {
        &self.members
    }

    /// Senders by id, with their one device.
    pub const fn senders(&self) -> &BTreeMap<SenderId, RosterDevice> {
        &self.senders
    }

    /// The newest epoch; none until the owner made the first.
    pub const fn epoch(&self) -> Option<&EpochRef> {
        self.epoch.as_ref()
    }

    /// Whether someone was removed since the newest epoch (or there is none): its key is then known to one who should
    /// no longer read, and a new epoch comes before new records.
    pub const fn epoch_due(&self) -> bool {
        self.epoch_due
    }

    /// A signing key that is or was in the roster.
    pub fn key(&self, fingerprint: &Fingerprint) -> Option<&KnownKey> {
        self.keys.get(fingerprint)
    }

    /// A signing key in force, if it belongs to a device of `principal`.
    pub fn device_key(&self, principal: Principal, fingerprint: &Fingerprint) -> Option<&SigningPublicKey> {
        self.keys
            .get(fingerprint)
            .filter(|known| known.active && matches!(known.holder, KeyHolder::Device(who, _) if who == principal))
            .map(|known| &known.key)
    }

    /// The devices of a member or sender.
    pub fn devices(&self, principal: Principal) -> Vec<RosterDevice> {
        match principal {
            Principal::Member(id) => {
                self.members.get(&id).map_or_else(Vec::new, |member| member.devices.values().copied().collect())
            }
            Principal::Sender(id) => self.senders.get(&id).copied().into_iter().collect(),
            Principal::Dealer(_) => Vec::new(),
        }
    }

    /// Whether the key of this fingerprint is in force and its holder is a member whose role allows `permission`.
    pub fn allows(&self, fingerprint: &Fingerprint, permission: Permission) -> bool {
        self.keys.get(fingerprint).is_some_and(|known| known.active && self.holder_may(known.holder, permission))
    }
}
