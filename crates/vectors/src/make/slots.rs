//! Key slots and bundles: swapped, rolled back, re-addressed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use siegel_crypto::keys::{DeviceKeys, UserRoot};
use siegel_crypto::recovery::RecoveryKey;
use siegel_crypto::secret::Secret;
use siegel_crypto::slot::{self, SlotSecret};
use siegel_crypto::{bundle, roster};
use siegel_envelope::epoch::Bundle;
use siegel_envelope::slot::{Slot, SlotContext, SlotKind};
use siegel_envelope::{Digest, Roster, Suite, cbor};

use super::Book;
use super::rosters;
use super::world::{NOW, World};
use crate::case::{Body, Hex, SlotCase};

struct Made {
    slot: Slot,
    secret: Hex,
    device: Option<Hex>,
}

pub(super) fn add(book: &mut Book, world: &World) {
    let context = |kind: SlotKind| SlotContext {
        suite: Suite::ONE,
        tenant: world.tenant,
        member: world.owner.id,
        device: (kind != SlotKind::Recovery).then_some(world.owner.device),
        kind,
        version: 3,
        user_key: world.owner_root.user_key().public().fingerprint(),
    };
    let export = world.with_rng(Secret::<64>::generate);
    let prf = world.with_rng(Secret::<32>::generate);
    let recovery = world.with_rng(RecoveryKey::generate);
    let device = &world.owner.keys;
    let made = |context: SlotContext, root: &UserRoot, device: &DeviceKeys| {
        let (secret, bytes): (_, Hex) = match context.kind {
            SlotKind::Password => (SlotSecret::Password(&export), export.expose().into()),
            SlotKind::Passkey => (SlotSecret::Passkey(&prf), prf.expose().into()),
            SlotKind::Recovery => (SlotSecret::Recovery(&recovery), recovery.to_text().as_bytes().into()),
        };
        let public = device.kem.public();
        let to = (context.kind != SlotKind::Recovery).then_some(&public);
        let slot = world.with_rng(|rng| slot::seal(context, root, secret, to, rng)).expect("kinds fit");
        Made { slot, secret: bytes, device: to.map(|_| device.kem.seed().expose().into()) }
    };
    let mut add = |name: &str, about: &str, made: &Made, expected: SlotContext, expect: Value| {
        let case = SlotCase {
            slot: made.slot.to_bytes().into(),
            expected: cbor::encode(&expected).into(),
            secret: made.secret.clone(),
            device: made.device.clone(),
        };
        book.add("slot", name, about, Body::Slot(case), expect);
    };
    let root = &world.owner_root;
    let opens = json!({ "root_blake3": blake3::hash(root.secret().expose()).to_hex().as_str() });
    let refused = || Value::from("refused");
    let kinds = [("password", SlotKind::Password), ("passkey", SlotKind::Passkey), ("recovery", SlotKind::Recovery)];
    for (name, kind) in kinds {
        let good = made(context(kind), root, device);
        add(name, "A slot of this kind.", &good, context(kind), opens.clone());
    }
    let password = context(SlotKind::Password);
    let good = made(password, root, device);
    let with = |edit: &dyn Fn(&mut Made)| {
        let mut made = Made { slot: good.slot.clone(), secret: good.secret.clone(), device: good.device.clone() };
        edit(&mut made);
        made
    };
    let add = &mut add;
    add("another-password", "Another export key.", &with(&|m| m.secret.0[5] ^= 1), password, refused());
    let other = world.member.keys.kem.seed().expose();
    add(
        "another-device",
        "The password, but another device.",
        &with(&|m| m.device = Some(other.into())),
        password,
        refused(),
    );
    add("no-device", "The password alone.", &with(&|m| m.device = None), password, refused());
    add(
        "flip-salt",
        "A bit of the salt.",
        &with(&|m| {
            let mut salt = *m.slot.salt.as_bytes();
            salt[0] ^= 1;
            m.slot.salt = siegel_envelope::slot::SlotSalt::from_bytes(salt);
        }),
        password,
        refused(),
    );
    add("flip-sealed", "A bit of the outer ciphertext.", &with(&|m| m.slot.sealed.0[100] ^= 1), password, refused());
    add("cut", "Cut to ten bytes.", &with(&|m| m.slot.sealed.0.truncate(10)), password, refused());
    add("empty", "Nothing sealed.", &with(&|m| m.slot.sealed.0.clear()), password, refused());
    let newer = SlotContext { version: 4, ..password };
    add("rolled-back", "An older version than the owner knows of.", &good, newer, refused());
    add(
        "relabelled-version",
        "… with the newer number written on it.",
        &with(&|m| m.slot.context = newer),
        newer,
        refused(),
    );
    let member = SlotContext { member: world.member.id, ..password };
    add("of-another-user", "Relabelled to another user.", &with(&|m| m.slot.context = member), member, refused());
    let tenant = SlotContext { tenant: world.other_tenant, ..password };
    add("of-another-tenant", "Relabelled to another tenant.", &with(&|m| m.slot.context = tenant), tenant, refused());
    let kind = SlotContext { kind: SlotKind::Passkey, ..password };
    add(
        "of-another-kind",
        "Relabelled to another kind.",
        &with(&|m| {
            m.slot.context = kind;
            m.secret.0.truncate(32);
        }),
        kind,
        refused(),
    );
    let suite = SlotContext { suite: Suite(2), ..password };
    add("unknown-suite", "Suite 2.", &with(&|m| m.slot.context = suite), suite, refused());
    let swapped = made(password, &world.member_root, device);
    add(
        "another-root",
        "Another root under the right password: not the key the roster names.",
        &swapped,
        password,
        refused(),
    );
    bundles(book, world);
}

fn bundles(book: &mut Book, world: &World) {
    let mut roster = rosters::found(world);
    let add_member = rosters::add_member(world);
    let entry = roster::next(&roster, add_member, NOW, &world.owner.keys.sign);
    roster.append(entry.bytes()).expect("an owner may");
    let keys = BTreeMap::from([
        (world.owner.id, world.owner_root.user_key().public()),
        (world.member.id, world.member_root.user_key().public()),
    ]);
    let ring = world.with_rng(|rng| world.ring.with_next(rng));
    let seal = |roster: &Roster, previous| {
        let device = &world.owner.keys.sign;
        world.with_rng(|rng| bundle::seal(&ring, roster, &keys, previous, device, rng)).expect("all keys are there")
    };
    let good = seal(&roster, None);
    let seeds: Vec<String> =
        ring.iter().map(|seed| blake3::hash(seed.secret().expose()).to_hex().to_string()).collect();
    let opens = json!({ "seeds": seeds });
    let mut add = |name: &str, about: &str, bytes: Vec<u8>, member: String, root: &UserRoot, expect: Value| {
        let body = Body::Bundle {
            signer: world.owner.keys.sign.public().as_bytes().into(),
            bundle: Hex(bytes),
            member,
            root: root.secret().expose().into(),
        };
        book.add("bundle", name, about, body, expect);
    };
    let (owner, member) = (world.owner.id.to_string(), world.member.id.to_string());
    add(
        "for-the-owner",
        "Two seeds, opened by the owner.",
        good.to_bytes(),
        owner.clone(),
        &world.owner_root,
        opens.clone(),
    );
    add(
        "for-a-member",
        "The same, opened by a member.",
        good.to_bytes(),
        member.clone(),
        &world.member_root,
        opens.clone(),
    );
    let second = seal(&roster, Some((1, Digest::of(&good.to_bytes()))));
    add(
        "second",
        "The next bundle, sealed for the same members.",
        second.to_bytes(),
        owner.clone(),
        &world.owner_root,
        opens,
    );
    let refused = || Value::from("refused");
    add(
        "for-another",
        "Opened with another member's root.",
        good.to_bytes(),
        owner.clone(),
        &world.member_root,
        refused(),
    );
    let resigned = |edit: &dyn Fn(&mut Bundle)| {
        let mut bundle = (*good).clone();
        edit(&mut bundle);
        world.owner.keys.sign.sign(bundle).to_bytes()
    };
    let mut edited = |name: &str, about: &str, edit: &dyn Fn(&mut Bundle)| {
        add(name, about, resigned(edit), owner.clone(), &world.owner_root, refused());
    };
    edited("fewer-epochs", "Says one epoch where two seeds lie.", &|b| b.epoch = 1);
    edited("another-tenant", "Of another tenant.", &|b| b.tenant = world.other_tenant);
    edited("flip-seeds", "A bit of the sealed seeds.", &|b| b.sealed.0[10] ^= 1);
    edited("cut-seeds", "The second seed is cut off.", &|b| b.sealed.0.truncate(48));
    edited("no-seeds", "Nothing sealed.", &|b| b.sealed.0.clear());
    edited("keys-exchanged", "Two members' sealed keys changed places.", &|b| {
        let (first, second) = (b.keys[0].clone(), b.keys[1].clone());
        (b.keys[0].enc, b.keys[0].ct) = (second.enc, second.ct);
        (b.keys[1].enc, b.keys[1].ct) = (first.enc, first.ct);
    });
    edited("later-revision", "Says revision 2.", &|b| {
        b.revision = 2;
        b.previous = Some(Digest::of(b"before"));
    });
    edited("unknown-suite", "Suite 2.", &|b| b.suite = Suite(2));
    edited("without-predecessor", "Revision 2 with none before it.", &|b| b.revision = 2);
    edited("nobody", "For nobody.", &|b| b.keys.clear());
    let by_member = world.member.keys.sign.sign((*good).clone()).to_bytes();
    add("signed-by-another", "Signed by someone else than expected.", by_member, owner, &world.owner_root, refused());
}
