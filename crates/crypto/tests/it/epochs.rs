//! Epochs and bundles against a hostile server: old keys, old bundles, phantom members (F31).

use std::collections::BTreeMap;

use siegel_crypto::keys::{DeviceKeys, UserRoot};
use siegel_crypto::{bundle, epoch, roster};
use siegel_domain::{MemberId, Role};
use siegel_envelope::epoch::{Bundle, EpochError, EpochStatement};
use siegel_envelope::{RosterChange, SignedBytes};

use crate::world::{NOW, OWNER, TENANT, rng, rostered, tenant};

const MEMBER: MemberId = MemberId::from_bytes([6; 16]);

fn member(root: &UserRoot, device: &DeviceKeys) -> RosterChange {
    let user_key = root.user_key().public().fingerprint();
    let device = rostered(6, device);
    RosterChange::AddMember { member: MEMBER, role: Role::Member, user_key, recovery_key: None, device }
}

#[test]
fn f31_a_removal_makes_a_new_epoch_and_the_old_key_is_refused() {
    let rng = &mut rng("removal");
    let mut tenant = tenant();
    let (root, device) = (UserRoot::generate(rng), DeviceKeys::generate(rng));
    let append = |tenant: &mut crate::world::Tenant, change| {
        let entry = roster::next(&tenant.roster, change, NOW, &tenant.device.sign);
        tenant.roster.append(entry.bytes()).expect("an owner may");
    };
    append(&mut tenant, member(&root, &device));
    let old = tenant.statement.bytes().clone();
    assert!(EpochStatement::open_current(&old, &tenant.roster).is_ok());
    assert!(!tenant.roster.epoch_due());
    append(&mut tenant, RosterChange::RemoveMember { member: MEMBER });
    assert!(tenant.roster.epoch_due(), "the removed member knows the key");

    let ring = tenant.ring.with_next(rng);
    let (statement, entry) = epoch::announce(&ring, &tenant.roster, NOW, &tenant.device.sign);
    tenant.roster.append(entry.bytes()).expect("an owner may");
    let opened = EpochStatement::open_current(statement.bytes(), &tenant.roster).expect("the newest");
    assert!(ring.fits(&opened) && !tenant.ring.fits(&opened));
    assert!(!tenant.roster.epoch_due());
    assert_eq!(EpochStatement::open_current(&old, &tenant.roster), Err(EpochError::NotCurrent), "rolled back");

    // The removed member makes an epoch of its own and the server shows it: no roster entry names it.
    let (forged, _) = epoch::announce(&tenant.ring.with_next(rng), &tenant.roster, NOW, &device.sign);
    assert_eq!(EpochStatement::open_current(forged.bytes(), &tenant.roster), Err(EpochError::NotCurrent));
}

#[test]
fn f31_bundles_go_to_roster_members_only_and_old_ones_are_refused() {
    let rng = &mut rng("bundles");
    let mut tenant = tenant();
    let (root, device) = (UserRoot::generate(rng), DeviceKeys::generate(rng));
    let owner_key = tenant.root.user_key();
    let mut keys = BTreeMap::from([(OWNER, owner_key.public())]);
    let sign = &tenant.device.sign;
    let first = bundle::seal(&tenant.ring, &tenant.roster, &keys, None, sign, rng).expect("the owner's key");
    let opened = Bundle::open_current(first.bytes(), &tenant.roster).expect("by the owner");
    assert_eq!(bundle::open(&opened, OWNER, &owner_key), Ok(tenant.ring.clone()));

    // A key that the server slipped in for someone the roster does not have is simply not used …
    keys.insert(MEMBER, root.user_key().public());
    let second = bundle::seal(&tenant.ring, &tenant.roster, &keys, Some((1, first.bytes().digest())), sign, rng);
    let second = second.expect("the owner's key");
    assert_eq!((second.keys.len(), second.revision, second.previous), (1, 2, Some(first.bytes().digest())));
    assert!(bundle::open(&second, MEMBER, &root.user_key()).is_err());

    // … and a swapped key for someone it has is refused.
    let entry = roster::next(&tenant.roster, member(&root, &device), NOW, sign);
    tenant.roster.append(entry.bytes()).expect("an owner may");
    keys.insert(MEMBER, DeviceKeys::generate(rng).kem.public());
    let swapped = bundle::seal(&tenant.ring, &tenant.roster, &keys, None, sign, rng);
    assert_eq!(swapped.err(), Some(bundle::BundleError::MemberKey(MEMBER)));
    keys.remove(&MEMBER);
    let missing = bundle::seal(&tenant.ring, &tenant.roster, &keys, None, sign, rng);
    assert_eq!(missing.err(), Some(bundle::BundleError::MemberKey(MEMBER)));

    // A new epoch: the bundle before is outdated, and a stranger's bundle never counts.
    let ring = tenant.ring.with_next(rng);
    let (_, entry) = epoch::announce(&ring, &tenant.roster, NOW, sign);
    tenant.roster.append(entry.bytes()).expect("an owner may");
    assert_eq!(Bundle::open_current(second.bytes(), &tenant.roster), Err(EpochError::Bundle));
    keys.insert(MEMBER, root.user_key().public());
    let current = bundle::seal(&ring, &tenant.roster, &keys, None, sign, rng).expect("all keys");
    let current = Bundle::open_current(current.bytes(), &tenant.roster).expect("current");
    assert_eq!(bundle::open(&current, MEMBER, &root.user_key()), Ok(ring.clone()));
    let stranger = DeviceKeys::generate(rng).sign;
    let forged: SignedBytes =
        bundle::seal(&ring, &tenant.roster, &keys, None, &stranger, rng).expect("sealed").bytes().clone();
    assert_eq!(Bundle::open_current(&forged, &tenant.roster), Err(EpochError::Bundle));
    assert_eq!(ring.tenant(), TENANT);
}
