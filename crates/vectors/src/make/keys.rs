//! Derivations (known answers), enrolment codes, MACs and sealed names.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use siegel_crypto::keys::EpochSeed;
use siegel_crypto::recovery::RecoveryKey;
use siegel_crypto::{invite, label, salted};
use siegel_domain::{InviteId, Principal};
use siegel_envelope::code::CodeSecret;
use siegel_envelope::enrol::Offer;
use siegel_envelope::{CodeKind, Digest, EnrolmentCode, Fingerprint, cbor};

use super::Book;
use super::world::World;
use crate::case::{Body, DeriveCase, Hex};

pub(super) fn add(book: &mut Book, world: &World) {
    derivations(book, world);
    codes(book, world);
    macs(book, world);
    labels(book, world);
}

fn derivations(book: &mut Book, world: &World) {
    let mut add = |name: &str, about: &str, kind: &str, secret: Hex, context: Value, expect: Value| {
        let context: BTreeMap<String, Value> = serde_json::from_value(context).expect("a map");
        let case = DeriveCase { secret_kind: kind.to_owned(), secret, context };
        book.add("keys", name, about, Body::Derive(case), expect);
    };
    let device = &world.sender.keys;
    let (sign, kem) = (device.sign.public(), device.kem.public());
    add(
        "device",
        "A device's keys from their 64 bytes: Ed25519 seed, X-Wing seed.",
        "device",
        Hex(device.to_bytes().to_vec()),
        json!({}),
        json!({
            "sign": hex::encode(sign.as_bytes()),
            "sign_fingerprint": sign.fingerprint().to_hex(),
            "sign_digits": sign.fingerprint().to_string(),
            "kem_blake3": blake3::hash(&kem.as_bytes()[..]).to_hex().as_str(),
            "kem_fingerprint": kem.fingerprint().to_hex(),
        }),
    );
    let root = &world.owner_root;
    let expect = json!({ "user_key_fingerprint": root.user_key().public().fingerprint().to_hex() });
    add("user-root", "A user key from a user root.", "user-root", root.secret().expose().into(), json!({}), expect);
    let epoch: &EpochSeed = world.ring.current();
    add(
        "epoch-seed",
        "Everything that comes from an epoch's seed.",
        "epoch-seed",
        epoch.secret().expose().into(),
        json!({ "tenant": world.tenant, "number": 1 }),
        json!({
            "inbox_fingerprint": epoch.inbox_key().public().fingerprint().to_hex(),
            "search_key": hex::encode(epoch.search_key().expose()),
            "labels_key": hex::encode(epoch.labels_key().expose()),
            "invites_key": hex::encode(epoch.invites_key().expose()),
        }),
    );
    let token = invite::auth(&CodeSecret::from_bytes([7; 16]));
    let expect = json!({ "auth": token.to_hex(), "stored": token.stored().to_hex() });
    add(
        "code-auth",
        "What a code shows to the server, and what the server stores.",
        "code",
        [7; 16].into(),
        json!({}),
        expect,
    );
    let sealed = world.seal(world.context(80), "plain key", 10);
    let context = sealed.sealer.context();
    let context_json = json!({
        "tenant": context.tenant, "record": context.record, "sender": context.sender,
        "sender_key": context.sender_key.to_hex(),
    });
    let expect = json!({ "commitment": sealed.manifest.commitment.to_hex() });
    let key = sealed.sealer.key().secret().expose().into();
    add("record-key", "A record's commitment.", "record-key", key, context_json, expect);
    let recovery = world.with_rng(RecoveryKey::generate);
    let sign = recovery.signing_key(world.tenant, world.owner.id);
    let expect = json!({ "sign": hex::encode(sign.public().as_bytes()) });
    let context = json!({ "tenant": world.tenant, "member": world.owner.id });
    let text = recovery.to_text();
    add(
        "recovery-key",
        "The signing key of a printed recovery key (its text).",
        "recovery-key",
        text.as_bytes().into(),
        context.clone(),
        expect,
    );
    let mut slip = text.as_bytes().to_vec();
    slip[8] = if slip[8] == b'7' { b'8' } else { b'7' };
    add("recovery-key-slip", "… with a slip in one character.", "recovery-key", Hex(slip), context, "refused".into());
}

fn codes(book: &mut Book, world: &World) {
    let code = |kind: CodeKind| EnrolmentCode {
        url: "https://siegel.example:8443".to_owned(),
        ca: Some(Digest::of(b"certificate")),
        tenant: (kind != CodeKind::Dealer).then_some(world.tenant),
        kind,
        secret: CodeSecret::from_bytes([kind as u8; 16]),
        root: matches!(kind, CodeKind::Member | CodeKind::Sender).then(|| Fingerprint::from_bytes([3; 32])),
    };
    let verdict = |code: &EnrolmentCode| {
        json!({
            "url": code.url,
            "ca": code.ca.map(|ca| ca.to_hex()),
            "tenant": code.tenant,
            "kind": code.kind.as_str(),
            "secret_blake3": blake3::hash(code.secret.as_bytes()).to_hex().as_str(),
            "root": code.root.map(|root| root.to_hex()),
        })
    };
    let mut add = |name: &str, about: &str, text: &str, expect: Value| {
        book.add("code", name, about, Body::Code { text: text.to_owned() }, expect);
    };
    for kind in [CodeKind::Owner, CodeKind::Member, CodeKind::Sender, CodeKind::Dealer] {
        let code = code(kind);
        add(kind.as_str(), "A code of this kind.", &code.to_text(), verdict(&code));
    }
    let public = EnrolmentCode { ca: None, ..code(CodeKind::Sender) };
    add("public-ca", "Without a CA of its own.", &public.to_text(), verdict(&public));
    let text = code(CodeKind::Sender).to_text();
    let wrapped = format!("\t{}\r\n  {}\n", &text[..50], &text[50..]);
    add("wrapped", "Broken over two lines.", &wrapped, verdict(&code(CodeKind::Sender)));
    let mut slip = text.as_bytes().to_vec();
    slip[60] = if slip[60] == b'A' { b'B' } else { b'A' };
    let slip = String::from_utf8(slip).expect("ASCII");
    let refused = || Value::from("refused");
    add("slip", "A wrong letter.", &slip, refused());
    add("cut", "The end is missing.", &text[..text.len() - 4], refused());
    add("letter-more", "A letter more.", &format!("{}A", *text), refused());
    add("no-prefix", "Without its first word.", &text[7..], refused());
    add("empty", "Nothing.", "", refused());
    let rootless = EnrolmentCode { root: None, ..code(CodeKind::Sender) };
    add("sender-without-root", "A sender's code must name the tenant's root.", &rootless.to_text(), refused());
    let rooted = EnrolmentCode { root: code(CodeKind::Member).root, ..code(CodeKind::Owner) };
    add("owner-with-root", "The first owner makes the root.", &rooted.to_text(), refused());
    let tenantless = EnrolmentCode { tenant: None, ..code(CodeKind::Member) };
    add("member-without-tenant", "A member's code must name the tenant.", &tenantless.to_text(), refused());
    for (name, url) in [("url-path", "https://host/path"), ("url-user", "https://a@host"), ("url-scheme", "ftp://host")]
    {
        let bad = EnrolmentCode { url: url.to_owned(), ..code(CodeKind::Sender) };
        add(name, "The address is more than scheme, host and port.", &bad.to_text(), refused());
    }
}

fn macs(book: &mut Book, world: &World) {
    let code = CodeSecret::from_bytes([5; 16]);
    let offer = Offer {
        tenant: world.tenant,
        invite: InviteId::from_bytes([6; 16]),
        kind: CodeKind::Sender,
        principal: Principal::Sender(world.sender.id),
        device: world.sender.device,
        sign: world.sender.keys.sign.public(),
        kem: world.sender.keys.kem.public(),
        user_key: None,
        recovery_key: None,
    };
    let mac = invite::mac(&code, &offer);
    let mut add = |name: &str, about: &str, secret: &CodeSecret, offer: &Offer, mac: Hex, expect: &str| {
        let body = Body::Mac { secret: secret.as_bytes().into(), offer: offer.to_bytes().into(), mac };
        book.add("mac", name, about, body, expect.into());
    };
    let mac: Hex = mac.as_bytes().into();
    add("good", "A newcomer's keys under the code's MAC.", &code, &offer, mac.clone(), "accepted");
    let refused = "refused";
    let other = CodeSecret::from_bytes([4; 16]);
    add("another-code", "MACed with another code.", &other, &offer, mac.clone(), refused);
    let swapped = Offer { sign: world.rival.keys.sign.public(), ..offer.clone() };
    add("swapped-signing-key", "The server swapped the signing key.", &code, &swapped, mac.clone(), refused);
    let swapped = Offer { kem: world.rival.keys.kem.public(), ..offer.clone() };
    add("swapped-sealing-key", "The server swapped the X-Wing key.", &code, &swapped, mac.clone(), refused);
    let swapped = Offer { principal: Principal::Sender(world.rival.id), ..offer.clone() };
    add("swapped-principal", "The server says they are another sender.", &code, &swapped, mac.clone(), refused);
    let swapped = Offer { invite: InviteId::from_bytes([7; 16]), ..offer.clone() };
    add("another-invitation", "The MAC of another invitation.", &code, &swapped, mac.clone(), refused);
    add("cut", "A MAC of 31 bytes.", &code, &offer, Hex(mac.0[..31].to_vec()), refused);
}

fn labels(book: &mut Book, world: &World) {
    let ring = world.with_rng(|rng| world.ring.with_next(rng));
    let subject = world.sender.id.to_string();
    let name = "Praxis Dr. Müller, Lübeck";
    let sealed = world.with_rng(|rng| label::seal(ring.current(), &subject, name, rng)).expect("short");
    let seeds: Vec<Hex> = ring.iter().map(|seed| seed.secret().expose().into()).collect();
    let mut add = |name: &str, about: &str, seeds: Vec<Hex>, subject: &str, label: Vec<u8>, expect: &str| {
        let body =
            Body::Label { tenant: world.tenant.to_string(), seeds, subject: subject.to_owned(), label: Hex(label) };
        book.add("label", name, about, body, expect.into());
    };
    add("good", "A sender's name under epoch 2.", seeds.clone(), &subject, sealed.clone(), name);
    let rival = world.rival.id.to_string();
    add("of-another", "The name of another sender put in its place.", seeds.clone(), &rival, sealed.clone(), "refused");
    add("epoch-unknown", "The reader knows only epoch 1.", seeds[..1].to_vec(), &subject, sealed.clone(), "refused");
    let mut older = sealed.clone();
    older[7] = 1;
    add("epoch-changed", "Says epoch 1.", seeds.clone(), &subject, older, "refused");
    let mut flipped = sealed.clone();
    flipped[60] ^= 1;
    add("flip", "A bit of the ciphertext.", seeds.clone(), &subject, flipped, "refused");
    add("cut", "Cut to its salt.", seeds.clone(), &subject, sealed[..40].to_vec(), "refused");
    // Padded to the wrong bucket, and with a byte in the padding: sealed by hand under the same key.
    let info = cbor::encode(&("siegel/1/label", world.tenant, &subject));
    let seal_raw = |padded: &[u8]| {
        let key = ring.current().labels_key();
        let sealed = world.with_rng(|rng| salted::seal(key.expose(), &info, padded, rng));
        [&2u64.to_be_bytes()[..], &sealed].concat()
    };
    let mut padded = vec![0u8; 512];
    padded[3] = 5;
    padded[4..9].copy_from_slice(b"hello");
    let wrong_bucket = seal_raw(&padded);
    let mut dirty = padded[..128].to_vec();
    dirty[100] = 1;
    let dirty = seal_raw(&dirty);
    let mut long = padded[..128].to_vec();
    long[3] = 125;
    let long = seal_raw(&long);
    add("wrong-bucket", "Five bytes padded to 512 instead of 128.", seeds.clone(), &subject, wrong_bucket, "refused");
    add("dirty-padding", "A byte in the padding.", seeds.clone(), &subject, dirty, "refused");
    add("length-too-long", "A length behind the end.", seeds, &subject, long, "refused");
}
