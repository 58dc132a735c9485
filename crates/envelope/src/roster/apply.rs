//! Who may make which change, and what it does. Each change checks everything before it changes anything, so that an
//! entry that is refused leaves the roster as it was.

use std::collections::BTreeMap;

use siegel_domain::limits::{DEVICES_PER_PRINCIPAL, MEMBERS_PER_TENANT, SENDERS_PER_TENANT};
use siegel_domain::{DeviceId, MemberId, Permission, Principal, Role, SenderId};

use super::state::{EpochRef, KeyHolder, KnownKey, Member, Roster};
use super::{RosterChange, RosterDevice, RosterError};
use crate::bytes::Digest;
use crate::keys::{Fingerprint, SigningPublicKey};

type Done = Result<(), RosterError>;

impl Roster {
    /// Whether `signer` may make `change`, by the roster as it stands.
    pub(super) fn entitled(&self, signer: KeyHolder, change: &RosterChange) -> Done {
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

    pub(super) fn holder_may(&self, holder: KeyHolder, permission: Permission) -> bool {
        match holder {
            KeyHolder::Device(Principal::Member(id), _) => {
                self.members.get(&id).is_some_and(|member| member.role.allows(permission))
            }
            _ => false,
        }
    }

    /// Makes a change that `signer` is entitled to.
    pub(super) fn apply(&mut self, signer: &SigningPublicKey, change: &RosterChange) -> Done {
        match change {
            RosterChange::Found { .. } => Err(RosterError::Sequence),
            RosterChange::AddMember { member, role, user_key, recovery_key, device } => {
                self.add_member(*member, *role, *user_key, *recovery_key, *device)
            }
            RosterChange::RemoveMember { member } => self.remove_member(*member),
            RosterChange::AddDevice { member, device } => self.add_device(*member, *device),
            RosterChange::RemoveDevice { member, device } => self.remove_device(*member, *device),
            RosterChange::AddSender { sender, device } => self.add_sender(*sender, *device),
            RosterChange::RemoveSender { sender } => self.remove_sender(*sender),
            RosterChange::SetSenderKey { sender, device } => self.set_sender_key(*sender, *device),
            RosterChange::SetRole { member, role } => self.set_role(*member, *role),
            RosterChange::NewEpoch { number, statement } => self.new_epoch(*number, *statement, *signer),
        }
    }

    pub(super) fn add_member(
        &mut self,
        member: MemberId,
        role: Role,
        user_key: Fingerprint,
        recovery_key: Option<SigningPublicKey>,
        device: RosterDevice,
    ) -> Done {
        member_role(role)?;
        self.fresh(device.sign, recovery_key)?;
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

    fn remove_member(&mut self, member: MemberId) -> Done {
        self.member(member)?;
        self.keep_an_owner(|id, _| id == member)?;
        self.members.remove(&member);
        self.retire(|holder| match holder {
            KeyHolder::Device(principal, _) => principal == Principal::Member(member),
            KeyHolder::Recovery(id) => id == member,
        });
        self.epoch_due = true;
        Ok(())
    }

    fn add_device(&mut self, member: MemberId, device: RosterDevice) -> Done {
        self.fresh(device.sign, None)?;
        let known = self.members.get_mut(&member).ok_or(RosterError::Unknown)?;
        if known.devices.contains_key(&device.device) {
            return Err(RosterError::Duplicate);
        }
        if known.devices.len() >= DEVICES_PER_PRINCIPAL {
            return Err(RosterError::Limit);
        }
        known.devices.insert(device.device, device);
        self.learn(device.sign, KeyHolder::Device(Principal::Member(member), device.device));
        Ok(())
    }

    fn remove_device(&mut self, member: MemberId, device: DeviceId) -> Done {
        self.member(member)?.devices.get(&device).ok_or(RosterError::Unknown)?;
        self.keep_an_owner(|id, gone| id == member && gone == device)?;
        if let Some(known) = self.members.get_mut(&member) {
            known.devices.remove(&device);
        }
        self.retire(|holder| holder == KeyHolder::Device(Principal::Member(member), device));
        self.epoch_due = true;
        Ok(())
    }

    fn add_sender(&mut self, sender: SenderId, device: RosterDevice) -> Done {
        self.fresh(device.sign, None)?;
        if self.senders.contains_key(&sender) {
            return Err(RosterError::Duplicate);
        }
        if self.senders.len() >= SENDERS_PER_TENANT {
            return Err(RosterError::Limit);
        }
        self.put_sender(sender, device);
        Ok(())
    }

    fn remove_sender(&mut self, sender: SenderId) -> Done {
        self.senders.remove(&sender).ok_or(RosterError::Unknown)?;
        self.retire_sender(sender);
        Ok(())
    }

    fn set_sender_key(&mut self, sender: SenderId, device: RosterDevice) -> Done {
        self.fresh(device.sign, None)?;
        self.senders.get(&sender).ok_or(RosterError::Unknown)?;
        self.retire_sender(sender);
        self.put_sender(sender, device);
        Ok(())
    }

    fn set_role(&mut self, member: MemberId, role: Role) -> Done {
        self.member(member)?;
        member_role(role)?;
        if role != Role::Owner {
            self.keep_an_owner(|id, _| id == member)?;
        }
        if let Some(known) = self.members.get_mut(&member) {
            known.role = role;
        }
        Ok(())
    }

    fn new_epoch(&mut self, number: u64, statement: Digest, signer: SigningPublicKey) -> Done {
        if number != self.epoch.map_or(0, |epoch| epoch.number) + 1 {
            return Err(RosterError::Epoch);
        }
        self.epoch = Some(EpochRef { number, statement, signer });
        self.epoch_due = false;
        Ok(())
    }
}

/// What the changes share.
impl Roster {
    fn member(&self, member: MemberId) -> Result<&Member, RosterError> {
        self.members.get(&member).ok_or(RosterError::Unknown)
    }

    /// Neither key was ever in the roster, and they differ.
    fn fresh(&self, key: SigningPublicKey, other: Option<SigningPublicKey>) -> Done {
        let known = |key: SigningPublicKey| self.keys.contains_key(&key.fingerprint());
        if known(key) || other.is_some_and(known) || other == Some(key) { Err(RosterError::Duplicate) } else { Ok(()) }
    }

    fn learn(&mut self, key: SigningPublicKey, holder: KeyHolder) {
        self.keys.insert(key.fingerprint(), KnownKey { key, holder, active: true });
    }

    fn retire(&mut self, gone: impl Fn(KeyHolder) -> bool) {
        self.keys.values_mut().filter(|known| gone(known.holder)).for_each(|known| known.active = false);
    }

    fn put_sender(&mut self, sender: SenderId, device: RosterDevice) {
        self.senders.insert(sender, device);
        self.learn(device.sign, KeyHolder::Device(Principal::Sender(sender), device.device));
    }

    fn retire_sender(&mut self, sender: SenderId) {
        self.retire(|holder| matches!(holder, KeyHolder::Device(Principal::Sender(id), _) if id == sender));
    }

    /// Some owner keeps a device when those that `gone` names are gone.
    fn keep_an_owner(&self, gone: impl Fn(MemberId, DeviceId) -> bool) -> Done {
        let stays = |(id, member): (&MemberId, &Member)| {
            member.role == Role::Owner && member.devices.keys().any(|device| !gone(*id, *device))
        };
        if self.members.iter().any(stays) { Ok(()) } else { Err(RosterError::LastOwner) }
    }
}

fn member_role(role: Role) -> Done {
    if matches!(role, Role::Owner | Role::Member) { Ok(()) } else { Err(RosterError::NotEntitled) }
}
