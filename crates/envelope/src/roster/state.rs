//! What a chain of entries adds up to, and which entry may come next.

use std::collections::BTreeMap;

use siegel_domain::limits::{DEVICES_PER_PRINCIPAL, MEMBERS_PER_TENANT, SENDERS_PER_TENANT};
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
    tenant: TenantId,
    root: Fingerprint,
    head: Digest,
    length: u64,
    members: BTreeMap<MemberId, Member>,
    senders: BTreeMap<SenderId, RosterDevice>,
    keys: BTreeMap<Fingerprint, KnownKey>,
    epoch: Option<EpochRef>,
    epoch_due: bool,
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

    fn entitled(&self, signer: KeyHolder, change: &RosterChange) -> Result<(), RosterError> {
        use RosterChange::*;
        let own = |member: MemberId| match signer {
            KeyHolder::Device(Principal::Member(id), _) | KeyHolder::Recovery(id) => id == member,
            KeyHolder::Device(..) => false,
        };
        let may = |permission| self.holder_may(signer, permission);
        let entitled = match change {
            Found { .. } => false,
            AddMember { .. } | RemoveMember { .. } | SetRole { .. } => may(Permission::ManageMembers),
            AddDevice { member, .. } => own(*member),
            RemoveDevice { member, .. } => own(*member) || may(Permission::ManageMembers),
            AddSender { .. } | RemoveSender { .. } | SetSenderKey { .. } => may(Permission::ManageSenders),
            NewEpoch { .. } => may(Permission::ReadMailbox),
        };
        if entitled { Ok(()) } else { Err(RosterError::NotEntitled) }
    }

    fn holder_may(&self, holder: KeyHolder, permission: Permission) -> bool {
        match holder {
            KeyHolder::Device(Principal::Member(id), _) => {
                self.members.get(&id).is_some_and(|member| member.role.allows(permission))
            }
            _ => false,
        }
    }

    /// Changes the state, or leaves it and says why not. Each arm checks everything before it changes anything.
    fn apply(&mut self, signer: &SigningPublicKey, change: &RosterChange) -> Result<(), RosterError> {
        match change {
            RosterChange::Found { .. } => Err(RosterError::Sequence),
            RosterChange::AddMember { member, role, user_key, recovery_key, device } => {
                self.add_member(*member, *role, *user_key, *recovery_key, *device)
            }
            RosterChange::RemoveMember { member } => {
                self.members.get(member).ok_or(RosterError::Unknown)?;
                self.keep_an_owner(|id, _| id == *member)?;
                self.members.remove(member);
                self.retire(|holder| match holder {
                    KeyHolder::Device(principal, _) => principal == Principal::Member(*member),
                    KeyHolder::Recovery(id) => id == *member,
                });
                self.epoch_due = true;
                Ok(())
            }
            RosterChange::AddDevice { member, device } => {
                self.fresh(&[device.sign])?;
                let known = self.members.get_mut(member).ok_or(RosterError::Unknown)?;
                if known.devices.contains_key(&device.device) {
                    return Err(RosterError::Duplicate);
                }
                if known.devices.len() >= DEVICES_PER_PRINCIPAL {
                    return Err(RosterError::Limit);
                }
                known.devices.insert(device.device, *device);
                self.learn(device.sign, KeyHolder::Device(Principal::Member(*member), device.device));
                Ok(())
            }
            RosterChange::RemoveDevice { member, device } => {
                let known = self.members.get(member).ok_or(RosterError::Unknown)?;
                known.devices.get(device).ok_or(RosterError::Unknown)?;
                self.keep_an_owner(|id, gone| id == *member && gone == *device)?;
                if let Some(known) = self.members.get_mut(member) {
                    known.devices.remove(device);
                }
                self.retire(|holder| holder == KeyHolder::Device(Principal::Member(*member), *device));
                self.epoch_due = true;
                Ok(())
            }
            RosterChange::AddSender { sender, device } => {
                self.fresh(&[device.sign])?;
                if self.senders.contains_key(sender) {
                    return Err(RosterError::Duplicate);
                }
                if self.senders.len() >= SENDERS_PER_TENANT {
                    return Err(RosterError::Limit);
                }
                self.set_sender(*sender, *device);
                Ok(())
            }
            RosterChange::RemoveSender { sender } => {
                self.senders.remove(sender).ok_or(RosterError::Unknown)?;
                self.retire_sender(*sender);
                Ok(())
            }
            RosterChange::SetSenderKey { sender, device } => {
                self.fresh(&[device.sign])?;
                self.senders.get(sender).ok_or(RosterError::Unknown)?;
                self.retire_sender(*sender);
                self.set_sender(*sender, *device);
                Ok(())
            }
            RosterChange::SetRole { member, role } => {
                self.members.get(member).ok_or(RosterError::Unknown)?;
                member_role(*role)?;
                if *role != Role::Owner {
                    self.keep_an_owner(|id, _| id == *member)?;
                }
                if let Some(known) = self.members.get_mut(member) {
                    known.role = *role;
                }
                Ok(())
            }
            RosterChange::NewEpoch { number, statement } => {
                if *number != self.epoch.map_or(0, |epoch| epoch.number) + 1 {
                    return Err(RosterError::Epoch);
                }
                self.epoch = Some(EpochRef { number: *number, statement: *statement, signer: *signer });
                self.epoch_due = false;
                Ok(())
            }
        }
    }

    fn add_member(
        &mut self,
        member: MemberId,
        role: Role,
        user_key: Fingerprint,
        recovery_key: Option<SigningPublicKey>,
        device: RosterDevice,
    ) -> Result<(), RosterError> {
        member_role(role)?;
        let mut keys = vec![device.sign];
        keys.extend(recovery_key);
        self.fresh(&keys)?;
        if self.members.contains_key(&member) {
            return Err(RosterError::Duplicate);
        }
        if self.members.len() >= MEMBERS_PER_TENANT {
            return Err(RosterError::Limit);
        }
        self.learn(device.sign, KeyHolder::Device(Principal::Member(member), device.device));
        if let Some(key) = recovery_key {
            self.learn(key, KeyHolder::Recovery(member));
        }
        let devices = BTreeMap::from([(device.device, device)]);
        self.members.insert(member, Member { role, user_key, recovery_key, devices });
        Ok(())
    }

    /// None of `keys` was ever in the roster, nor stands twice among them.
    fn fresh(&self, keys: &[SigningPublicKey]) -> Result<(), RosterError> {
        let known = keys.iter().any(|key| self.keys.contains_key(&key.fingerprint()));
        let twice = keys.len() == 2 && keys[0] == keys[1];
        if known || twice { Err(RosterError::Duplicate) } else { Ok(()) }
    }

    fn learn(&mut self, key: SigningPublicKey, holder: KeyHolder) {
        self.keys.insert(key.fingerprint(), KnownKey { key, holder, active: true });
    }

    fn retire(&mut self, gone: impl Fn(KeyHolder) -> bool) {
        self.keys.values_mut().filter(|known| gone(known.holder)).for_each(|known| known.active = false);
    }

    fn set_sender(&mut self, sender: SenderId, device: RosterDevice) {
        self.senders.insert(sender, device);
        self.learn(device.sign, KeyHolder::Device(Principal::Sender(sender), device.device));
    }

    fn retire_sender(&mut self, sender: SenderId) {
        self.retire(|holder| matches!(holder, KeyHolder::Device(Principal::Sender(id), _) if id == sender));
    }

    /// Some owner keeps a device when those that `gone` names are gone.
    fn keep_an_owner(&self, gone: impl Fn(MemberId, DeviceId) -> bool) -> Result<(), RosterError> {
        let stays = |(id, member): (&MemberId, &Member)| {
            member.role == Role::Owner && member.devices.keys().any(|device| !gone(*id, *device))
        };
        if self.members.iter().any(stays) { Ok(()) } else { Err(RosterError::LastOwner) }
    }
}

fn member_role(role: Role) -> Result<(), RosterError> {
    if matches!(role, Role::Owner | Role::Member) { Ok(()) } else { Err(RosterError::NotEntitled) }
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
