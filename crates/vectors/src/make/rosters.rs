//! Rosters of a tenant's life; `bad_rosters` has those that must be refused.

use serde_json::{Value, json};
use siegel_crypto::roster::{found as sign_found, next};
use siegel_crypto::{DeviceKeys, SigningSecretKey};
use siegel_domain::{DeviceId, MemberId, Role};
use siegel_envelope::roster::RosterDevice;
use siegel_envelope::{Digest, Fingerprint, Roster, RosterChange, RosterEntry, Signed};

use super::Book;
use super::world::{NOW, Someone, World};
use crate::case::{Body, Hex};

pub(super) fn device<Id>(someone: &Someone<Id>) -> RosterDevice {
    rostered(someone.device, &someone.keys)
}

fn rostered(device: DeviceId, keys: &DeviceKeys) -> RosterDevice {
    RosterDevice { device, sign: keys.sign.public(), kem: keys.kem.public().fingerprint() }
}

pub(super) fn first(world: &World) -> Signed<RosterEntry> {
    let change = RosterChange::Found {
        member: world.owner.id,
        user_key: world.owner_root.user_key().public().fingerprint(),
        recovery_key: None,
        device: device(&world.owner),
    };
    sign_found(world.tenant, change, NOW, &world.owner.keys.sign)
}

/// A roster with its owner alone.
pub(super) fn found(world: &World) -> Roster {
    Roster::found(first(world).bytes()).expect("well made")
}

/// The member comes in.
pub(super) fn add_member(world: &World) -> RosterChange {
    RosterChange::AddMember {
        member: world.member.id,
        role: Role::Member,
        user_key: world.member_root.user_key().public().fingerprint(),
        recovery_key: Some(spare(world, 1).sign.public()),
        device: device(&world.member),
    }
}

pub(super) fn add_sender(world: &World) -> RosterChange {
    RosterChange::AddSender { sender: world.sender.id, device: device(&world.sender) }
}

/// Further device keys, the same each time.
pub(super) fn spare(world: &World, number: u8) -> DeviceKeys {
    let seed = format!("siegel vectors: spare device {number} of {}", world.tenant);
    DeviceKeys::generate(&mut crate::rng::SeededRng::new(&seed))
}

pub(super) fn spare_device(world: &World, number: u8) -> RosterDevice {
    rostered(DeviceId::from_bytes([number; 16]), &spare(world, number))
}

/// A chain under construction.
pub(super) struct Chain {
    pub(super) roster: Roster,
    pub(super) entries: Vec<Signed<RosterEntry>>,
}

impl Chain {
    pub(super) fn new(world: &World) -> Self {
        Self { roster: found(world), entries: vec![first(world)] }
    }

    /// Appends a change that must be allowed.
    pub(super) fn and(mut self, change: RosterChange, by: &SigningSecretKey) -> Self {
        let entry = next(&self.roster, change, NOW, by);
        self.roster.append(entry.bytes()).expect("allowed");
        self.entries.push(entry);
        self
    }

    /// The entry that would follow, allowed or not.
    pub(super) fn tried(&self, change: RosterChange, by: &SigningSecretKey) -> Signed<RosterEntry> {
        next(&self.roster, change, NOW, by)
    }

    fn verdict(&self, members: &[MemberId], senders: usize) -> Value {
        let mut members = members.to_vec();
        members.sort();
        json!({
            "head": self.entries.last().map(|entry| entry.bytes().digest().to_hex()),
            "length": self.entries.len(),
            "epoch": self.roster.epoch().map(|epoch| epoch.number),
            "epoch_due": self.roster.epoch_due(),
            "members": members,
            "senders": self.roster.senders().keys().take(senders).collect::<Vec<_>>(),
        })
    }
}

pub(super) fn add(book: &mut Book, world: &World) {
    good(book, world);
    super::bad_rosters::add(book, world);
}

pub(super) fn case(book: &mut Book, name: &str, about: &str, root: Fingerprint, entries: Vec<Vec<u8>>, expect: Value) {
    let body = Body::Roster { root: root.as_bytes().into(), entries: entries.into_iter().map(Hex).collect() };
    book.add("roster", name, about, body, expect);
}

pub(super) fn bytes(entries: &[Signed<RosterEntry>]) -> Vec<Vec<u8>> {
    entries.iter().map(Signed::to_bytes).collect()
}

pub(super) fn epoch(number: u64) -> RosterChange {
    RosterChange::NewEpoch { number, statement: Digest::of(&number.to_be_bytes()) }
}

fn good(book: &mut Book, world: &World) {
    let (owner, member) = (&world.owner.keys.sign, &world.member.keys.sign);
    let alone = Chain::new(world);
    let root = alone.roster.root();
    case(book, "founded", "An owner alone.", root, bytes(&alone.entries), alone.verdict(&[world.owner.id], 0));

    let lived = Chain::new(world)
        .and(epoch(1), owner)
        .and(add_member(world), owner)
        .and(add_sender(world), member)
        .and(RosterChange::AddDevice { member: world.member.id, device: spare_device(world, 2) }, member)
        .and(RosterChange::SetSenderKey { sender: world.sender.id, device: spare_device(world, 3) }, member)
        .and(RosterChange::AddSender { sender: world.rival.id, device: device(&world.rival) }, &spare(world, 2).sign)
        .and(RosterChange::RemoveSender { sender: world.sender.id }, owner)
        .and(RosterChange::SetRole { member: world.member.id, role: Role::Owner }, owner);
    let both = [world.owner.id, world.member.id];
    let about = "A tenant's life: every change by someone who may.";
    case(book, "lived", about, root, bytes(&lived.entries), lived.verdict(&both, 1));

    let recovered = Chain::new(world)
        .and(epoch(1), owner)
        .and(add_member(world), owner)
        .and(RosterChange::RemoveDevice { member: world.member.id, device: world.member.device }, owner)
        .and(epoch(2), owner)
        .and(
            RosterChange::AddDevice { member: world.member.id, device: spare_device(world, 4) },
            &spare(world, 1).sign,
        );
    let about = "A lost device is removed, a new epoch made, and the recovery key signs a new device in.";
    case(book, "recovered", about, root, bytes(&recovered.entries), recovered.verdict(&both, 0));

    let removed = Chain::new(world)
        .and(epoch(1), owner)
        .and(add_member(world), owner)
        .and(RosterChange::RemoveMember { member: world.member.id }, owner);
    let about = "A member is removed: a new epoch is due.";
    case(book, "removed", about, root, bytes(&removed.entries), removed.verdict(&[world.owner.id], 0));
}
