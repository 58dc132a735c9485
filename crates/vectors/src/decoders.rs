//! Every decoder of untrusted bytes, with what must hold for any input: no panic, no second spelling, and agreement
//! between the streaming and the whole form. The fuzz targets, the property tests and the replay of the corpus all
//! call these.

use siegel_crypto::envelope::directory::{Checkpoint, KeyBundle, KeyStatement};
use siegel_crypto::envelope::enrol::Offer;
use siegel_crypto::envelope::epoch::{Bundle, EpochStatement};
use siegel_crypto::envelope::login::ChallengeBody;
use siegel_crypto::envelope::part::{PartDigester, digest_of, shape};
use siegel_crypto::envelope::receipt::{EraseReceipt, Tombstone, UploadReceipt};
use siegel_crypto::envelope::signed::body_of;
use siegel_crypto::envelope::slot::Slot;
use siegel_crypto::envelope::{EnrolmentCode, Grant, Manifest, Roster, RosterEntry, Signable, SignedBytes};
use siegel_crypto::recovery::RecoveryKey;

/// A decoder by name; panics if a property does not hold.
pub type Check = fn(&[u8]);

/// All of them.
pub const DECODERS: [(&str, Check); 13] = [
    ("manifest", manifest),
    ("grant", grant),
    ("roster", roster),
    ("code", code),
    ("part", part),
    ("epoch", signed::<EpochStatement>),
    ("bundle", signed::<Bundle>),
    ("slot", slot),
    ("offer", offer),
    ("receipt", receipts),
    ("directory", directory),
    ("recovery", recovery),
    ("api", api),
];

/// Runs the decoder of that name; a fuzz target is one line.
pub fn check(name: &str, bytes: &[u8]) {
    let found = DECODERS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no decoder is called {name}")).1(bytes);
}

/// What `peek` believes is what `body_of` writes; nothing else decodes.
fn signed<T: Signable>(bytes: &[u8]) {
    if let Some(signed) = outer::<T>(bytes)
        && let Ok(value) = signed.peek::<T>()
    {
        assert_eq!(body_of(&value), signed.body.0, "a body has one spelling");
    }
    // The bytes as a body: reaches the inner decoder without an outer form around it.
    let bare = SignedBytes {
        alg: 1,
        signer: siegel_crypto::envelope::Fingerprint::from_bytes([0; 32]),
        body: siegel_crypto::envelope::cbor::Blob(bytes.to_vec()),
        signature: siegel_crypto::envelope::Signature::from_bytes([0; 64]),
    };
    if let Ok(value) = bare.peek::<T>() {
        assert_eq!(body_of(&value), bytes, "a body has one spelling");
    }
}

fn outer<T: Signable>(bytes: &[u8]) -> Option<SignedBytes> {
    let signed = SignedBytes::from_bytes_of::<T>(bytes).ok()?;
    assert_eq!(signed.to_bytes(), bytes, "a signed object has one spelling");
    Some(signed)
}

fn manifest(bytes: &[u8]) {
    signed::<Manifest>(bytes);
    let Some(manifest) = outer::<Manifest>(bytes).and_then(|signed| signed.peek::<Manifest>().ok()) else { return };
    assert!(manifest.sealed_bytes() >= manifest.plain_bytes + 80, "a manifest that passed its rules adds up");
}

fn grant(bytes: &[u8]) {
    let Ok(grant) = Grant::from_bytes(bytes) else { return };
    assert_eq!(grant.to_bytes(), bytes, "a grant has one spelling");
    if let Ok(context) = grant.peek() {
        assert_eq!(context.to_info(), grant.info.0, "a context has one spelling");
    }
}

fn roster(bytes: &[u8]) {
    signed::<RosterEntry>(bytes);
    let Some(entry) = outer::<RosterEntry>(bytes) else { return };
    if let Ok(mut roster) = Roster::found(&entry) {
        assert_eq!((roster.length(), roster.members().len()), (1, 1));
        assert!(roster.append(&entry).is_err(), "no entry follows itself");
    }
}

fn code(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(code) = text.parse::<EnrolmentCode>() {
        let tidy: String = text.split_whitespace().collect();
        assert_eq!(*code.to_text(), tidy, "a code has one spelling but for white space");
    }
}

fn part(bytes: &[u8]) {
    let whole = digest_of(bytes);
    let streamed = PartDigester::new(bytes.len()).and_then(|mut digester| {
        bytes.chunks(1021).try_for_each(|piece| digester.update(piece))?;
        digester.finish()
    });
    assert_eq!(whole, streamed, "streaming and whole agree");
    if let Ok(shape) = shape(bytes.len()) {
        assert_eq!(shape.sealed_bytes(), bytes.len());
        assert_eq!(shape.chunk_range(shape.chunks - 1).end, shape.trailer_start());
    }
}

fn slot(bytes: &[u8]) {
    if let Ok(slot) = Slot::from_bytes(bytes) {
        assert_eq!(slot.to_bytes(), bytes, "a slot has one spelling");
    }
}

fn offer(bytes: &[u8]) {
    if let Ok(offer) = Offer::from_bytes(bytes) {
        assert_eq!(offer.to_bytes(), bytes, "an offer has one spelling");
    }
}

fn receipts(bytes: &[u8]) {
    signed::<UploadReceipt>(bytes);
    signed::<EraseReceipt>(bytes);
    signed::<Tombstone>(bytes);
}

fn directory(bytes: &[u8]) {
    signed::<KeyStatement>(bytes);
    signed::<Checkpoint>(bytes);
    signed::<ChallengeBody>(bytes);
    if let Ok(bundle) = KeyBundle::from_bytes(bytes) {
        assert_eq!(bundle.to_bytes(), bytes, "a key bundle has one spelling");
    }
}

fn recovery(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = text.parse::<RecoveryKey>() {
        assert_eq!(key.to_text().parse(), Ok(key), "a printed key reads back");
    }
}

fn api(bytes: &[u8]) {
    crate::api::read(bytes);
}
