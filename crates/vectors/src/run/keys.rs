//! Signed objects, codes, slots, bundles, names and the roster.

use serde_json::{Value, json};
use siegel_crypto::keys::{DeviceKeys, EpochRing, EpochSeed, KemSecretKey, UserRoot};
use siegel_crypto::recovery::RecoveryKey;
use siegel_crypto::secret::{RecordKey, Secret};
use siegel_crypto::slot::{self, SlotSecret};
use siegel_crypto::{RecordContext, bundle as bundles, invite, label as labels};
use siegel_envelope::code::CodeSecret;
use siegel_envelope::directory::{Checkpoint, KeyStatement};
use siegel_envelope::enrol::{EnrolmentMac, Offer};
use siegel_envelope::epoch::{Bundle, EpochStatement};
use siegel_envelope::login::ChallengeBody;
use siegel_envelope::receipt::{EraseReceipt, Tombstone, UploadReceipt};
use siegel_envelope::slot::{Slot, SlotContext, SlotKind};
use siegel_envelope::{
    EnrolmentCode, Fingerprint, Manifest, Roster, RosterEntry, Signable, Signed, SignedBytes, SigningPublicKey, cbor,
};

use crate::case::{DeriveCase, Hex, SignedCase, SlotCase};

fn key(bytes: &Hex) -> Option<SigningPublicKey> {
    SigningPublicKey::from_bytes(bytes.0.as_slice().try_into().ok()?).ok()
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

pub(super) fn signed(case: &SignedCase) -> Option<()> {
    fn as_a<T: Signable>(case: &SignedCase) -> Option<()> {
        Signed::<T>::open(&case.bytes.0, &key(&case.key)?).ok().map(|_| ())
    }
    match case.object.as_str() {
        "manifest" => Manifest::verify(&case.bytes.0, &key(&case.key)?).ok().map(|_| ()),
        "roster" => as_a::<RosterEntry>(case),
        "epoch" => as_a::<EpochStatement>(case),
        "bundle" => as_a::<Bundle>(case),
        "upload-receipt" => as_a::<UploadReceipt>(case),
        "erase-receipt" => as_a::<EraseReceipt>(case),
        "tombstone" => as_a::<Tombstone>(case),
        "key-statement" => as_a::<KeyStatement>(case),
        "checkpoint" => as_a::<Checkpoint>(case),
        "challenge" => as_a::<ChallengeBody>(case),
        other => panic!("no object is called {other}"),
    }
}

pub(super) fn code(text: &str) -> Option<Value> {
    let code: EnrolmentCode = text.parse().ok()?;
    Some(json!({
        "url": code.url,
        "ca": code.ca.map(|ca| ca.to_hex()),
        "tenant": code.tenant,
        "kind": code.kind.as_str(),
        "secret_blake3": hash(code.secret.as_bytes()),
        "root": code.root.map(|root| root.to_hex()),
    }))
}

pub(super) fn mac(secret: &Hex, offer: &Hex, mac: &Hex) -> Option<()> {
    let code = CodeSecret::from_bytes(secret.0.as_slice().try_into().ok()?);
    let offer = Offer::from_bytes(&offer.0).ok()?;
    invite::verify_mac(&code, &offer, &EnrolmentMac::from_slice(&mac.0)?).ok()
}

pub(super) fn derive(case: &DeriveCase) -> Option<Value> {
    let text = |name: &str| case.context.get(name)?.as_str();
    let number = |name: &str| case.context.get(name)?.as_u64();
    let bytes = &case.secret.0;
    Some(match case.secret_kind.as_str() {
        "device" => {
            let keys = DeviceKeys::from_bytes(bytes)?;
            json!({
                "sign": hex::encode(keys.sign.public().as_bytes()),
                "sign_fingerprint": keys.sign.fingerprint().to_hex(),
                "sign_digits": keys.sign.fingerprint().to_string(),
                "kem_blake3": hash(&keys.kem.public().as_bytes()[..]),
                "kem_fingerprint": keys.kem.public().fingerprint().to_hex(),
            })
        }
        "user-root" => {
            let root = UserRoot::from_secret(Secret::from_slice(bytes)?);
            json!({ "user_key_fingerprint": root.user_key().public().fingerprint().to_hex() })
        }
        "epoch-seed" => {
            let seed = Secret::from_slice(bytes)?;
            let epoch = EpochSeed::from_secret(text("tenant")?.parse().ok()?, number("number")?, seed);
            json!({
                "inbox_fingerprint": epoch.inbox_key().public().fingerprint().to_hex(),
                "search_key": hex::encode(epoch.search_key().expose()),
                "labels_key": hex::encode(epoch.labels_key().expose()),
                "invites_key": hex::encode(epoch.invites_key().expose()),
            })
        }
        "code" => {
            let token = invite::auth(&CodeSecret::from_bytes(bytes.as_slice().try_into().ok()?));
            json!({ "auth": token.to_hex(), "stored": token.stored().to_hex() })
        }
        "recovery-key" => {
            let key: RecoveryKey = std::str::from_utf8(bytes).ok()?.parse().ok()?;
            let sign = key.signing_key(text("tenant")?.parse().ok()?, text("member")?.parse().ok()?);
            json!({ "sign": hex::encode(sign.public().as_bytes()) })
        }
        "record-key" => {
            let context = RecordContext {
                tenant: text("tenant")?.parse().ok()?,
                record: text("record")?.parse().ok()?,
                sender: text("sender")?.parse().ok()?,
                sender_key: text("sender_key")?.parse().ok()?,
            };
            json!({ "commitment": context.commitment(&RecordKey::from_secret(Secret::from_slice(bytes)?)).to_hex() })
        }
        other => panic!("no secret is called {other}"),
    })
}

pub(super) fn slot(case: &SlotCase) -> Option<Value> {
    let slot = Slot::from_bytes(&case.slot.0).ok()?;
    let expected: SlotContext = cbor::decode(&case.expected.0, Slot::MAX_BYTES).ok()?;
    let device = case.device.as_ref().and_then(|seed| Secret::from_slice(&seed.0)).map(KemSecretKey::from_seed);
    let secret = &case.secret.0;
    let root = match expected.kind {
        SlotKind::Password => {
            slot::open(&slot, &expected, SlotSecret::Password(&Secret::from_slice(secret)?), device.as_ref())
        }
        SlotKind::Passkey => {
            slot::open(&slot, &expected, SlotSecret::Passkey(&Secret::from_slice(secret)?), device.as_ref())
        }
        SlotKind::Recovery => {
            let key: RecoveryKey = std::str::from_utf8(secret).ok()?.parse().ok()?;
            slot::open(&slot, &expected, SlotSecret::Recovery(&key), None)
        }
    };
    Some(json!({ "root_blake3": hash(root.ok()?.secret().expose()) }))
}

pub(super) fn bundle(signer: &Hex, bytes: &Hex, member: &str, root: &Hex) -> Option<Value> {
    let bundle = Signed::<Bundle>::open(&bytes.0, &key(signer)?).ok()?;
    let root = UserRoot::from_secret(Secret::from_slice(&root.0)?);
    let ring = bundles::open(&bundle, member.parse().ok()?, &root.user_key()).ok()?;
    Some(json!({ "seeds": ring.iter().map(|seed| hash(seed.secret().expose())).collect::<Vec<_>>() }))
}

pub(super) fn label(tenant: &str, seeds: &[Hex], subject: &str, label: &Hex) -> Option<Value> {
    let seeds: Option<Vec<_>> = seeds.iter().map(|seed| Secret::from_slice(&seed.0)).collect();
    let ring = EpochRing::from_seeds(tenant.parse().ok()?, seeds?)?;
    Some(Value::from(labels::open(&ring, subject, &label.0).ok()?.as_str()))
}

pub(super) fn roster(root: &Hex, entries: &[Hex]) -> Value {
    let mut roster: Option<Roster> = None;
    for (number, entry) in entries.iter().enumerate() {
        if step(&mut roster, root, &entry.0).is_none() {
            return json!({ "refused_at": number });
        }
    }
    roster.map_or_else(
        || json!({ "refused_at": 0 }),
        |roster| {
            json!({
                "head": roster.head().to_hex(),
                "length": roster.length(),
                "epoch": roster.epoch().map(|epoch| epoch.number),
                "epoch_due": roster.epoch_due(),
                "members": roster.members().keys().collect::<Vec<_>>(),
                "senders": roster.senders().keys().collect::<Vec<_>>(),
            })
        },
    )
}

fn step(roster: &mut Option<Roster>, root: &Hex, entry: &[u8]) -> Option<()> {
    let entry = SignedBytes::from_bytes_of::<RosterEntry>(entry).ok()?;
    match roster {
        Some(roster) => roster.append(&entry).ok().map(|_| ()),
        None => {
            *roster = Some(Roster::replay([&entry], Fingerprint::from_slice(&root.0)?).ok()?);
            Some(())
        }
    }
}
