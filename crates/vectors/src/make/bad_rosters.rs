//! Rosters that must be refused: who may not sign what, and what a server might try.

use serde_json::json;
use siegel_crypto::SigningSecretKey;
use siegel_domain::{MemberId, Role, Timestamp};
use siegel_envelope::{Digest, Fingerprint, Roster, RosterChange, RosterEntry};

use super::Book;
use super::rosters::{Chain, add_member, add_sender, bytes, case, device, epoch, first, spare, spare_device};
use super::world::World;

pub(super) fn add(book: &mut Book, world: &World) {
    entitled(book, world);
    chained(book, world);
}

/// One entry more than a good chain, by someone who may not, or against the rules.
fn entitled(book: &mut Book, world: &World) {
    let (owner, member, sender) = (&world.owner.keys.sign, &world.member.keys.sign, &world.sender.keys.sign);
    let base = || Chain::new(world).and(epoch(1), owner).and(add_member(world), owner).and(add_sender(world), owner);
    let chain = base();
    let root = chain.roster.root();
    let someone = MemberId::from_bytes([77; 16]);
    let newcomer = |role: Role| RosterChange::AddMember {
        member: someone,
        role,
        user_key: Fingerprint::from_bytes([7; 32]),
        recovery_key: None,
        device: spare_device(world, 5),
    };
    let mut add = |name: &str, about: &str, change: RosterChange, by: &SigningSecretKey| {
        let mut entries = bytes(&chain.entries);
        entries.push(chain.tried(change, by).to_bytes());
        case(book, name, about, root, entries, json!({ "refused_at": chain.entries.len() }));
    };
    let (mid, sid) = (world.member.id, world.sender.id);
    add(
        "phantom-member",
        "A member nobody of the tenant signed in (F31).",
        newcomer(Role::Member),
        &spare(world, 6).sign,
    );
    add("member-adds-member", "Only owners bring members in.", newcomer(Role::Member), member);
    add("sender-adds-member", "A sender brings nobody in.", newcomer(Role::Member), sender);
    add("member-becomes-sender", "A sender's role is no member's.", newcomer(Role::Sender), owner);
    add(
        "sender-adds-sender",
        "… nor a sender.",
        RosterChange::AddSender { sender: world.rival.id, device: device(&world.rival) },
        sender,
    );
    add(
        "member-removes-owner",
        "A member does not remove an owner.",
        RosterChange::RemoveMember { member: world.owner.id },
        member,
    );
    add(
        "member-promotes-itself",
        "A member does not make itself an owner.",
        RosterChange::SetRole { member: mid, role: Role::Owner },
        member,
    );
    add("sender-makes-an-epoch", "A sender makes no epoch.", epoch(2), sender);
    add(
        "recovery-makes-an-epoch",
        "A recovery key admits a device and does nothing else.",
        epoch(2),
        &spare(world, 1).sign,
    );
    add(
        "recovery-adds-sender",
        "… no sender either.",
        RosterChange::AddSender { sender: world.rival.id, device: device(&world.rival) },
        &spare(world, 1).sign,
    );
    add(
        "owner-adds-device-to-member",
        "Only the member adds its own device.",
        RosterChange::AddDevice { member: mid, device: spare_device(world, 5) },
        owner,
    );
    add(
        "sender-rekeys-itself",
        "A sender is enrolled again by the tenant, not by itself.",
        RosterChange::SetSenderKey { sender: sid, device: spare_device(world, 5) },
        sender,
    );
    add(
        "last-owner-removed",
        "Somebody must be able to sign.",
        RosterChange::RemoveMember { member: world.owner.id },
        owner,
    );
    add(
        "last-owner-demoted",
        "… the last owner stays one.",
        RosterChange::SetRole { member: world.owner.id, role: Role::Member },
        owner,
    );
    add(
        "last-device-removed",
        "… and keeps a device.",
        RosterChange::RemoveDevice { member: world.owner.id, device: world.owner.device },
        owner,
    );
    add("member-twice", "A member who is there already.", add_member(world), owner);
    add(
        "key-twice",
        "The key of another device.",
        RosterChange::AddDevice { member: mid, device: device(&world.sender) },
        member,
    );
    add("unknown-member-removed", "Nobody of that id.", RosterChange::RemoveMember { member: someone }, owner);
    add("epoch-skipped", "Epoch 3 after 1.", epoch(3), owner);
    add("epoch-again", "Epoch 1 again.", epoch(1), owner);
    let founding = first(world).change.clone();
    add("founded-again", "A second founding.", founding, owner);

    // A device that was removed, and a key that was replaced, sign no more.
    let gone = base()
        .and(RosterChange::RemoveMember { member: mid }, owner)
        .and(RosterChange::SetSenderKey { sender: sid, device: spare_device(world, 3) }, owner);
    let mut add = |name: &str, about: &str, change: RosterChange, by: &SigningSecretKey| {
        let mut entries = bytes(&gone.entries);
        entries.push(gone.tried(change, by).to_bytes());
        case(book, name, about, root, entries, json!({ "refused_at": gone.entries.len() }));
    };
    add("removed-member-signs", "A removed member makes the next epoch.", epoch(2), member);
    add(
        "removed-recovery-signs",
        "A removed member's recovery key.",
        RosterChange::AddDevice { member: mid, device: spare_device(world, 5) },
        &spare(world, 1).sign,
    );
    add(
        "old-key-returns",
        "A replaced sender key comes back.",
        RosterChange::AddSender { sender: world.rival.id, device: device(&world.sender) },
        owner,
    );
}

/// Good entries in a bad chain.
fn chained(book: &mut Book, world: &World) {
    let owner = &world.owner.keys.sign;
    let chain = Chain::new(world).and(epoch(1), owner).and(add_member(world), owner).and(add_sender(world), owner);
    let root = chain.roster.root();
    let all = bytes(&chain.entries);
    let mut add = |name: &str, about: &str, root: Fingerprint, entries: Vec<Vec<u8>>, at: usize| {
        case(book, name, about, root, entries, json!({ "refused_at": at }));
    };
    let pick = |order: &[usize]| order.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
    add("empty", "No entry at all.", root, Vec::new(), 0);
    add("another-root", "Not the tenant that the code named.", Fingerprint::from_bytes([1; 32]), all.clone(), 0);
    add("entry-withheld", "An entry in the middle is missing.", root, pick(&[0, 1, 3]), 2);
    add("entry-doubled", "An entry twice.", root, pick(&[0, 1, 1]), 2);
    add("entries-swapped", "Two entries in the wrong order.", root, pick(&[0, 2, 1, 3]), 1);
    add("without-its-first", "The founding is missing.", root, pick(&[1, 2]), 0);
    let mut flipped = all.clone();
    let middle = flipped[2].len() / 2;
    flipped[2][middle] ^= 1;
    add("flip", "A bit of an entry.", root, flipped, 2);

    let entry = |change: &dyn Fn(&mut RosterEntry)| {
        let mut entry = (*chain.tried(RosterChange::RemoveSender { sender: world.sender.id }, owner)).clone();
        change(&mut entry);
        let mut entries = all.clone();
        entries.push(owner.sign(entry).to_bytes());
        entries
    };
    let next = all.len();
    add("of-another-tenant", "Signed for another tenant.", root, entry(&|e| e.tenant = world.other_tenant), next);
    add(
        "another-predecessor",
        "After another entry than the last.",
        root,
        entry(&|e| e.previous = Some(Digest::of(b"fork"))),
        next,
    );
    add("sequence-skipped", "A number too high.", root, entry(&|e| e.sequence += 1), next);
    add("no-predecessor", "No entry before it, in the middle.", root, entry(&|e| e.previous = None), next);
    // A fork: the other branch is well signed, but not after this head.
    let fork = Chain::new(world).and(epoch(1), owner).and(add_sender(world), owner);
    let mut forked = pick(&[0, 1, 2]);
    forked.push(fork.entries[2].to_bytes());
    add("forked", "An entry of another branch of the same history.", root, forked, 3);
    let forged = world.rival.keys.sign.sign((*first(world)).clone());
    let forged_root = Roster::root_of(forged.bytes());
    add("founded-by-another", "A founding not signed by the device it names.", forged_root, vec![forged.to_bytes()], 0);
    let late = RosterEntry { time: Timestamp(0), ..(*chain.tried(epoch(2), owner)).clone() };
    let mut earlier = all.clone();
    earlier.push(owner.sign(late).to_bytes());
    let mut roster = chain.roster.clone();
    roster
        .append(owner.sign(RosterEntry { time: Timestamp(0), ..(*chain.tried(epoch(2), owner)).clone() }).bytes())
        .expect("times are claims");
    let expect = json!({
        "head": roster.head().to_hex(), "length": 5, "epoch": 2, "epoch_due": false,
        "members": sorted(&[world.owner.id, world.member.id]), "senders": [world.sender.id],
    });
    case(book, "clock-behind", "Times are claims: an earlier one is no reason to refuse.", root, earlier, expect);
}

fn sorted(members: &[MemberId]) -> Vec<MemberId> {
    let mut members = members.to_vec();
    members.sort();
    members
}
