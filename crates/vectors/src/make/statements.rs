//! What the platform signs: receipts, tombstones' neighbours, key statements, checkpoints; and a machine's answer to a
//! login challenge.

use siegel_domain::{Party, ReceiptId, RecordId, Timestamp};
use siegel_envelope::cbor::Blob;
use siegel_envelope::directory::{Checkpoint, KeyStatement};
use siegel_envelope::epoch::EpochStatement;
use siegel_envelope::login::ChallengeBody;
use siegel_envelope::receipt::{EraseKind, EraseReceipt, ObjectGone, UploadReceipt, ZoneHolds};
use siegel_envelope::{Digest, Fingerprint, Signable, Suite};

use super::Book;
use super::world::{NOW, World};
use crate::case::{Body, SignedCase};

pub(super) fn add(book: &mut Book, world: &World) {
    let platform = &world.rival.keys.sign;
    let mut add = |object: &str, name: &str, about: &str, bytes: Vec<u8>, accepted: bool| {
        let key = platform.public().as_bytes().into();
        let case = SignedCase { object: object.to_owned(), key, bytes: bytes.into() };
        let verdict = if accepted { "accepted" } else { "refused" };
        book.add("statement", name, about, Body::Signed(case), verdict.into());
    };
    fn signed<T: Signable>(by: &siegel_crypto::SigningSecretKey, value: T) -> Vec<u8> {
        by.sign(value).to_bytes()
    }
    let (receipt, record) = (ReceiptId::from_bytes([1; 16]), RecordId::from_bytes([2; 16]));
    let digest = Digest::of(b"something");

    let holds = |zone: &str, parts| ZoneHolds { zone: zone.to_owned(), jurisdiction: "DE".to_owned(), parts };
    let upload = UploadReceipt {
        receipt,
        tenant: world.tenant,
        record,
        manifest: digest,
        committed: NOW,
        parts: 3,
        sealed_bytes: 20_000_000,
        zones: vec![holds("a", 3), holds("b", 1)],
    };
    add("upload-receipt", "upload", "One zone lacks two parts.", signed(platform, upload.clone()), true);
    let nowhere = UploadReceipt { zones: Vec::new(), ..upload };
    add("upload-receipt", "upload-nowhere", "No zone held anything.", signed(platform, nowhere), false);

    let later = |ms| Timestamp(NOW.0 + ms);
    let gone = |zone: &str, versions_empty| ObjectGone {
        zone: zone.to_owned(),
        object: "3f2a/7".to_owned(),
        deleted: later(100),
        absent: later(200),
        versions_empty,
    };
    let erase = EraseReceipt {
        receipt,
        tenant: world.tenant,
        record,
        kind: EraseKind::Request,
        requested: NOW,
        shred_key_gone: later(50),
        objects: vec![gone("a", None), gone("b", Some(true))],
        zones_given_up: Vec::new(),
        horizon: later(7 * 86_400_000),
        tombstone: digest,
    };
    add("erase-receipt", "erase", "Gone from both zones; one keeps versions.", signed(platform, erase.clone()), true);
    let given_up =
        EraseReceipt { zones_given_up: vec!["b".to_owned()], objects: vec![gone("a", None)], ..erase.clone() };
    add("erase-receipt", "erase-zone-given-up", "A zone was given up.", signed(platform, given_up), true);
    let mut backwards = erase.clone();
    backwards.objects[0].absent = NOW;
    add("erase-receipt", "erase-backwards", "Absent before it was deleted.", signed(platform, backwards), false);
    let horizon = EraseReceipt { horizon: NOW, ..erase };
    add("erase-receipt", "erase-horizon-past", "A horizon before the erasing.", signed(platform, horizon), false);

    let statement = KeyStatement {
        tenant: world.tenant,
        party: Party::Tenant(world.tenant),
        bundle: digest,
        epoch: 4,
        roster: digest,
        time: NOW,
    };
    add(
        "key-statement",
        "key-statement",
        "The directory vouches for a key.",
        signed(platform, statement.clone()),
        true,
    );
    let checkpoint = Checkpoint {
        tenant: world.tenant,
        sequence: 9,
        root: Fingerprint::from_bytes([7; 32]),
        roster: digest,
        epoch: 4,
        time: NOW,
    };
    add("checkpoint", "checkpoint", "The state of a directory.", signed(platform, checkpoint), true);
    let about = "A key statement in a checkpoint's place.";
    add("checkpoint", "checkpoint-of-another-kind", about, signed(platform, statement), false);

    let inbox_key = world.ring.current().inbox_key().public();
    let epoch = EpochStatement {
        suite: Suite::ONE,
        tenant: world.tenant,
        number: 1,
        inbox_key,
        previous: None,
        roster: digest,
        time: NOW,
    };
    let after = Some(digest);
    let second = EpochStatement { number: 2, previous: after, ..epoch.clone() };
    add("epoch", "epoch", "The first epoch.", signed(platform, epoch.clone()), true);
    add("epoch", "epoch-second", "The second, after the first.", signed(platform, second.clone()), true);
    let bad = EpochStatement { previous: after, ..epoch.clone() };
    add("epoch", "epoch-first-after-another", "The first has none before it.", signed(platform, bad), false);
    let bad = EpochStatement { previous: None, ..second };
    add("epoch", "epoch-second-after-none", "The second has one before it.", signed(platform, bad), false);
    let bad = EpochStatement { number: 0, ..epoch.clone() };
    add("epoch", "epoch-zero", "Epochs begin at 1.", signed(platform, bad), false);
    let bad = EpochStatement { suite: Suite(2), ..epoch };
    add("epoch", "epoch-unknown-suite", "Suite 2.", signed(platform, bad), false);

    let challenge = ChallengeBody {
        challenge: Blob(vec![5; 32]),
        device: world.sender.device,
        tenant: Some(world.tenant),
        audience: "https://siegel.example:8443".to_owned(),
    };
    add("challenge", "challenge", "A sender's answer to a challenge.", signed(platform, challenge.clone()), true);
    let dealer = ChallengeBody { tenant: None, ..challenge.clone() };
    add("challenge", "challenge-of-a-dealer", "A dealer's answer.", signed(platform, dealer), true);
    let long = ChallengeBody { challenge: Blob(vec![5; 129]), ..challenge };
    add("challenge", "challenge-too-long", "A challenge of 129 bytes.", signed(platform, long), false);
}
