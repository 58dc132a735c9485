//! Broken manifests: the signature, the outer form, the spelling, the rules, and manifests that are well made but not
//! of this record.

use siegel_domain::{ConversationId, Party, RecordId};
use siegel_envelope::manifest::Recipient;
use siegel_envelope::receipt::{EraseKind, Tombstone};
use siegel_envelope::signed::body_of;
use siegel_envelope::{Digest, Fingerprint, Manifest, Signature, Signed, Suite};

use super::forge::{Parts, indefinite_array, indefinite_map, malleated, map_head, sign, wire};
use super::world::{NOW, Sealed, World};
use super::{Book, refused_at};
use crate::case::{Body, Hex, SignedCase};

pub(super) fn add(book: &mut Book, world: &World) {
    let sealed = world.seal(world.context(40), "plain manifest", 300);
    signatures(book, world, &sealed.manifest);
    outer_form(book, world, &sealed.manifest);
    spelling(book, world, &sealed.manifest);
    rules(book, world, &sealed.manifest);
    other_records(book, world, &sealed);
}

fn object(book: &mut Book, object: &str, name: &str, about: &str, key: &[u8; 32], bytes: Vec<u8>, accepted: bool) {
    let case = SignedCase { object: object.to_owned(), key: key.into(), bytes: Hex(bytes) };
    let verdict = if accepted { "accepted" } else { "refused" };
    book.add("manifest", name, about, Body::Signed(case), verdict.into());
}

fn signatures(book: &mut Book, world: &World, manifest: &Signed<Manifest>) {
    let device = &world.sender.keys.sign;
    let key = device.public();
    let key = key.as_bytes();
    let (body, signature) = (&manifest.bytes().body.0, manifest.bytes().signature);
    let with = |signature: Signature| wire(1, device.fingerprint(), body, &signature);
    let flip = |at: usize| {
        let mut bytes = *signature.as_bytes();
        bytes[at] ^= 1;
        with(Signature::from_bytes(bytes))
    };
    let mut add = |name, about, bytes, accepted| object(book, "manifest", name, about, key, bytes, accepted);
    add("good", "A manifest as it should be.", manifest.to_bytes(), true);
    add("flip-signature-r", "A bit of R.", flip(3), false);
    add("flip-signature-s", "A bit of S.", flip(40), false);
    add("malleable-s", "S + L for S: the same equation, another signature.", with(malleated(&signature)), false);
    add("zero-signature", "R = 0, S = 0.", with(Signature::from_bytes([0; 64])), false);
    let mut changed = body.clone();
    let last = changed.len() - 1;
    changed[last - 3] ^= 1;
    add("flip-body", "A bit of the body.", wire(1, device.fingerprint(), &changed, &signature), false);
    let by_rival = wire(1, device.fingerprint(), body, &world.rival.keys.sign.sign_bytes(body));
    add("signed-by-another", "Signed by another key under the sender's fingerprint.", by_rival, false);
    let honest_rival = world.rival.keys.sign.sign((**manifest).clone()).to_bytes();
    add("signer-is-another", "Signed by another key under its own fingerprint.", honest_rival, false);

    // The identity as key, R = identity and S = 0 satisfy the cofactored equation for every message.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut forged = [0; 64];
    forged[0] = 1;
    let mut claims = (**manifest).clone();
    claims.sender_key = Fingerprint::from_bytes([9; 32]);
    let bytes = wire(1, claims.sender_key, &body_of(&claims), &Signature::from_bytes(forged));
    object(book, "manifest", "small-order-key", "A key of small order signs anything.", &identity, bytes, false);
    // R of small order with a good key: S = k·a, which only the key's holder can make; strict verifiers refuse it.
    let other = world.resign(manifest, |m| m.sender_key = world.rival.keys.sign.fingerprint());
    let about = "Well signed, but the manifest names another key than the one that signed it.";
    object(book, "manifest", "names-another-key", about, key, other.to_bytes(), false);
}

fn outer_form(book: &mut Book, world: &World, manifest: &Signed<Manifest>) {
    let device = &world.sender.keys.sign;
    let key = device.public();
    let (body, signature) = (&manifest.bytes().body.0, manifest.bytes().signature);
    let good = manifest.to_bytes();
    let mut add = |name, about, bytes| object(book, "manifest", name, about, key.as_bytes(), bytes, false);
    add("unknown-algorithm", "Algorithm 2 outside.", wire(2, device.fingerprint(), body, &signature));
    add("outer-byte-more", "A byte behind the signed object.", [&good[..], &[0]].concat());
    add("outer-cut", "The last byte is missing.", good[..good.len() - 1].to_vec());
    add("empty", "Nothing.", Vec::new());
    let mut long = good.clone();
    long.splice(2..3, [0x18, 0x01]);
    add("outer-long-integer", "The algorithm as 18 01 instead of 01.", long);
    let mut indefinite = good.clone();
    indefinite[0] = 0xbf;
    indefinite.push(0xff);
    add("outer-indefinite-map", "The outer map of indefinite length.", indefinite);
    let mut unknown = good.clone();
    unknown[0] = 0xa5;
    unknown.extend([0x04, 0x00]);
    add("outer-unknown-key", "A fifth key outside.", unknown);
    let nested = vec![0x81; 200_000];
    add("nested-arrays", "200,000 arrays in each other: refused without recursion.", nested);
}

fn spelling(book: &mut Book, world: &World, manifest: &Signed<Manifest>) {
    let device = &world.sender.keys.sign;
    let key = device.public();
    let body = &manifest.bytes().body.0;
    let parts = || Parts::of(body);
    let mut add = |name, about, body: Vec<u8>| {
        object(book, "manifest", name, about, key.as_bytes(), sign(device, &body), false);
    };
    let edited = |edit: &dyn Fn(&mut Parts)| {
        let mut parts = parts();
        edit(&mut parts);
        parts.join()
    };
    add("byte-behind-the-body", "Well signed, with a byte behind the body.", [&body[..], &[0]].concat());
    add("indefinite-array", "The body as an array of indefinite length.", indefinite_array(&parts()));
    add("indefinite-map", "The object as a map of indefinite length.", indefinite_map(&parts()));
    add("long-integer", "An integer not in its shortest form.", edited(&|p| p.alg = vec![0x19, 0, 1]));
    add(
        "long-text-length",
        "A text length not in its shortest form.",
        edited(&|p| p.domain = [&[0x78, 17], &p.domain[1..]].concat()),
    );
    add("indefinite-text", "A text in pieces.", edited(&|p| p.domain = [&[0x7f], &p.domain[..], &[0xff]].concat()));
    add("unsorted-keys", "Two keys in the wrong order.", edited(&|p| p.entries.swap(0, 1)));
    add("doubled-key", "A key twice.", edited(&|p| p.entries.push(p.entries[p.entries.len() - 1].clone())));
    add("unknown-key", "A key that no version knows.", edited(&|p| p.entries.push((vec![0x18, 0x63], vec![0]))));
    add("null-for-absent", "An absent field written as null.", edited(&|p| p.entries.insert(3, (vec![3], vec![0xf6]))));
    add("key-missing", "The commitment is missing.", edited(&|p| p.entries.retain(|(key, _)| *key != [9])));
    add("float-for-integer", "The suite as 1.0.", edited(&|p| *p.entry(0) = vec![0xf9, 0x3c, 0x00]));
    add("text-for-bytes", "The commitment as a text.", edited(&|p| p.entry(9)[0] = 0x78));
    add("tagged", "The suite with a tag.", edited(&|p| *p.entry(0) = vec![0xc1, 1]));
    add("negative-length", "A negative number of bytes.", edited(&|p| *p.entry(7) = vec![0x20]));
    add("too-large-number", "More bytes than 64 bits count.", edited(&|p| *p.entry(7) = vec![0xc2, 0x41, 1]));
    add(
        "list-claims-more",
        "A list head of four billion parts.",
        edited(&|p| *p.entry(8) = vec![0x9a, 0xff, 0xff, 0xff, 0xff]),
    );
    add("upper-case-id", "The tenant's id in capitals.", edited(&|p| p.entry(1)[1..].make_ascii_uppercase()));
    add("map-without-body", "An empty object.", [&[0x83][..], &parts().domain, &parts().alg, &map_head(0)].concat());
    add("inner-algorithm", "Algorithm 2 inside, 1 outside.", edited(&|p| p.alg = vec![2]));
    add("next-version", "siegel/2/manifest.", edited(&|p| p.domain[8] = b'2'));
    let tombstone = Tombstone { tenant: world.tenant, record: manifest.record, time: NOW, kind: EraseKind::Request };
    let about = "A well-signed tombstone in a manifest's place.";
    object(book, "manifest", "another-kind", about, key.as_bytes(), device.sign(tombstone).to_bytes(), false);
    let about = "The same tombstone as what it is.";
    object(book, "tombstone", "tombstone", about, key.as_bytes(), device.sign(tombstone).to_bytes(), true);
}

fn rules(book: &mut Book, world: &World, manifest: &Signed<Manifest>) {
    let key = world.sender.keys.sign.public();
    let mut add = |name, about, accepted, change: &dyn Fn(&mut Manifest)| {
        let signed = world.resign(manifest, |m| change(m));
        object(book, "manifest", name, about, key.as_bytes(), signed.to_bytes(), accepted);
    };
    let someone = |n: u8| Recipient {
        party: Party::Member(siegel_domain::MemberId::from_bytes([n; 16])),
        key: Fingerprint::from_bytes([n; 32]),
    };
    add("all-fields", "With every field that may be absent.", true, &|m| {
        m.conversation = Some(ConversationId::from_bytes([1; 16]));
        m.answers = Some(RecordId::from_bytes([2; 16]));
        m.checkpoint = Some(Digest::of(b"a checkpoint"));
    });
    add("most-recipients", "64 recipients.", true, &|m| m.recipients = (0..64).map(someone).collect());
    add("unknown-suite", "Suite 2.", false, &|m| m.suite = Suite(2));
    add("no-recipient", "Nobody to read it.", false, &|m| m.recipients.clear());
    add("too-many-recipients", "65 recipients.", false, &|m| m.recipients = (0..65).map(someone).collect());
    add("recipient-twice", "A recipient named twice.", false, &|m| m.recipients.push(m.recipients[0]));
    add("part-too-many", "A part more than the length needs.", false, &|m| m.parts.push(m.parts[0]));
    add("no-parts", "No part at all.", false, &|m| m.parts.clear());
    add("wrong-part-size", "A part's size does not fit the length.", false, &|m| m.parts[0].sealed_bytes += 1);
    add("wrong-length", "The length does not fit the part.", false, &|m| m.plain_bytes += 1);
    add("too-long", "Longer than a record can be.", false, &|m| m.plain_bytes = u64::MAX);
    add("answers-itself", "A record that answers itself.", false, &|m| m.answers = Some(m.record));
}

fn other_records(book: &mut Book, world: &World, sealed: &Sealed) {
    let mut add = |name, about, stage, change: &dyn Fn(&mut Manifest)| {
        let manifest = world.resign(&sealed.manifest, |m| change(m));
        let mut case = world.case_with(sealed, &manifest);
        case.parts = sealed.inline();
        book.add("manifest", name, about, Body::Record(Box::new(case)), refused_at(stage, 0));
    };
    add("for-another-record", "The sender signs the content into another record.", "commitment", &|m| {
        m.record = RecordId::from_bytes([99; 16]);
    });
    add("for-another-tenant", "… or into another tenant.", "commitment", &|m| m.tenant = world.other_tenant);
    add("of-another-party", "The signed sender is not the one the key belongs to.", "manifest", &|m| {
        m.sender = Party::Sender(world.rival.id);
    });
    add("another-commitment", "Another commitment.", "commitment", &|m| m.commitment = Digest::of(b"another key"));
    add("another-metadata-hash", "Another hash of the metadata.", "metadata", &|m| {
        m.metadata_hash = Digest::of(b"another file name");
    });
    let other = world.seal(world.context(41), "plain other", 300);
    let manifest = world.resign(&sealed.manifest, |m| m.metadata_hash = Digest::of(&other.metadata));
    let mut case = world.case_with(sealed, &manifest);
    case.metadata = other.metadata.as_slice().into();
    case.parts = sealed.inline();
    let about = "The metadata of another record, its hash signed: sealed under the other key.";
    book.add("manifest", "metadata-swapped", about, Body::Record(Box::new(case)), refused_at("metadata", 0));
}
