//! Broken grants: re-addressed, re-signed, re-keyed, re-spelled.

use siegel_crypto::keys::KemSecretKey;
use siegel_crypto::secret::{RecordKey, Secret};
use siegel_crypto::{SigningSecretKey, grant};
use siegel_domain::{Party, RecordId};
use siegel_envelope::cbor::{self, Blob};
use siegel_envelope::grant::{Enc, SealedKey};
use siegel_envelope::{Digest, Fingerprint, Grant, GrantContext, Manifest, Signature, Suite};

use super::forge::malleated;
use super::records::opens;
use super::world::{Sealed, World, known};
use super::{Book, refused_at};
use crate::case::{Body, RecordCase};

struct Setting<'a> {
    world: &'a World,
    sealed: Sealed,
    inbox: KemSecretKey,
}

impl Setting<'_> {
    fn case(&self, grant: Vec<u8>) -> RecordCase {
        let mut case = self.world.case(&self.sealed);
        case.parts = self.sealed.inline();
        case.grant = grant.into();
        case
    }

    fn honest(&self) -> Grant {
        self.world.grant(&self.sealed, &self.sealed.manifest)
    }

    /// A grant with any context, sealed to the inbox key and signed by `by`.
    fn with_context(&self, key: &RecordKey, by: &SigningSecretKey, change: impl FnOnce(&mut GrantContext)) -> Grant {
        let manifest: &Manifest = &self.sealed.manifest;
        let to = (Party::Tenant(self.world.tenant), self.inbox.public().fingerprint());
        let mut context = GrantContext::new(manifest, to, (manifest.sender, by.fingerprint()));
        change(&mut context);
        self.world
            .with_rng(|rng| grant::seal_with_context(&context, key, &self.inbox.public(), by, rng))
            .expect("a key")
    }
}

pub(super) fn add(book: &mut Book, world: &World) {
    let sealed = world.seal(world.context(60), "plain grant", 400);
    let setting = Setting { world, sealed, inbox: world.ring.current().inbox_key() };
    passed_on(book, &setting);
    contexts(book, &setting);
    bytes(book, &setting);
    keys(book, &setting);
}

/// By a roster member of a named recipient: shown as "from S to R, passed on by G".
fn passed_on(book: &mut Book, setting: &Setting<'_>) {
    let Setting { world, sealed, .. } = setting;
    let member = Party::Member(world.member.id);
    let owner = Party::Member(world.owner.id);
    let user_key = world.member_root.user_key();
    let by = (owner, &world.owner.keys.sign);
    let made = world.with_rng(|rng| {
        grant::seal(&sealed.manifest, sealed.sealer.key(), (member, &user_key.public()), by, rng).expect("a key")
    });
    let mut case = setting.case(made.to_bytes());
    case.granter = known(owner, &world.owner.keys.sign);
    case.recipient.party = member.to_string();
    case.recipient.kem_seed = user_key.seed().expose().into();
    let about = "A member of the recipient passes the record on to a colleague.";
    book.add("grant", "passed-on", about, Body::Record(Box::new(case.clone())), opens(sealed));
    case.granter.party = Party::Member(world.member.id).to_string();
    let about = "The key that signed belongs to another party than the grant says.";
    book.add("grant", "granter-is-another", about, Body::Record(Box::new(case)), refused_at("grant", 0));
}

fn contexts(book: &mut Book, setting: &Setting<'_>) {
    let Setting { world, sealed, .. } = setting;
    let own = &world.sender.keys.sign;
    let mut add = |name: &str, about: &str, change: &dyn Fn(&mut GrantContext)| {
        let grant = setting.with_context(sealed.sealer.key(), own, |context| change(context));
        let case = setting.case(grant.to_bytes());
        book.add("grant", name, about, Body::Record(Box::new(case)), refused_at("grant", 0));
    };
    add("for-another-recipient", "Well sealed and signed, to another party's name.", &|c| {
        c.recipient = Party::Tenant(world.other_tenant);
    });
    add("for-another-key", "The named recipient key is another.", &|c| {
        c.recipient_key = Fingerprint::from_bytes([1; 32])
    });
    add("for-another-record", "For another record.", &|c| c.record = RecordId::from_bytes([61; 16]));
    add("for-another-tenant", "For a record of another tenant.", &|c| c.tenant = world.other_tenant);
    add("for-another-content", "For another commitment.", &|c| c.commitment = Digest::of(b"another"));
    add("names-another-granter-key", "Names a key that did not sign.", &|c| {
        c.granter_key = world.rival.keys.sign.fingerprint();
    });
    add("names-another-granter", "Names another granter.", &|c| c.granter = Party::Sender(world.rival.id));
    add("another-purpose", "Another purpose.", &|c| c.purpose = "siegel/1/bundle-key".to_owned());
    add("unknown-suite", "Suite 2.", &|c| c.suite = Suite(2));
    add("unknown-algorithm", "Signature algorithm 2.", &|c| c.alg = 2);
}

fn bytes(book: &mut Book, setting: &Setting<'_>) {
    let honest = setting.honest();
    let own = &setting.world.sender.keys.sign;
    let resign = |grant: &mut Grant| {
        grant.signature = own.sign_bytes(&Grant::message(&grant.info.0, &grant.enc, &grant.ct));
    };
    let mut add = |name: &str, about: &str, bytes: Vec<u8>| {
        let case = setting.case(bytes);
        book.add("grant", name, about, Body::Record(Box::new(case)), refused_at("grant", 0));
    };
    let edited = |edit: &dyn Fn(&mut Grant)| {
        let mut grant = honest.clone();
        edit(&mut grant);
        grant.to_bytes()
    };
    fn flip<const N: usize>(bytes: &[u8; N], at: usize) -> [u8; N] {
        let mut out = *bytes;
        out[at] ^= 1;
        out
    }
    add(
        "flip-enc",
        "A bit of the encapsulated key.",
        edited(&|g| g.enc = Enc::from_bytes(flip(g.enc.as_bytes(), 100))),
    );
    add("flip-ct", "A bit of the sealed key.", edited(&|g| g.ct = SealedKey::from_bytes(flip(g.ct.as_bytes(), 1))));
    add("flip-info", "A bit of the context.", edited(&|g| g.info.0[40] ^= 1));
    add(
        "flip-signature",
        "A bit of the signature.",
        edited(&|g| g.signature = Signature::from_bytes(flip(g.signature.as_bytes(), 60))),
    );
    add("malleable-s", "S + L for S.", edited(&|g| g.signature = malleated(&g.signature)));
    add(
        "flip-enc-resigned",
        "A bit of the encapsulated key, signed again.",
        edited(&|g| {
            g.enc = Enc::from_bytes(flip(g.enc.as_bytes(), 100));
            resign(g);
        }),
    );
    add(
        "flip-enc-x25519-resigned",
        "A bit of its X25519 half, signed again.",
        edited(&|g| {
            g.enc = Enc::from_bytes(flip(g.enc.as_bytes(), 1100));
            resign(g);
        }),
    );
    add(
        "flip-ct-resigned",
        "A bit of the sealed key, signed again.",
        edited(&|g| {
            g.ct = SealedKey::from_bytes(flip(g.ct.as_bytes(), 1));
            resign(g);
        }),
    );
    add(
        "byte-behind-the-context",
        "A byte behind the context, signed.",
        edited(&|g| {
            g.info.0.push(0);
            resign(g);
        }),
    );
    add(
        "indefinite-context",
        "The context as an array of indefinite length, signed.",
        edited(&|g| {
            g.info.0[0] = 0x9f;
            g.info.0.push(0xff);
            resign(g);
        }),
    );
    let good = honest.to_bytes();
    add("byte-more", "A byte behind the grant.", [&good[..], &[0]].concat());
    add("cut", "The last byte is missing.", good[..good.len() - 1].to_vec());
    add("empty", "No grant.", Vec::new());
    let short = (Blob(honest.info.0.clone()), &honest.enc.as_bytes()[..100]);
    add("not-a-grant", "Some other CBOR.", cbor::encode(&(short.0, <&minicbor::bytes::ByteSlice>::from(short.1))));
    let signed_by_rival = edited(&|g| {
        g.signature = setting.world.rival.keys.sign.sign_bytes(&Grant::message(&g.info.0, &g.enc, &g.ct));
    });
    add("signed-by-another", "Signed by another sender under the granter's name.", signed_by_rival);
}

fn keys(book: &mut Book, setting: &Setting<'_>) {
    let Setting { world, sealed, .. } = setting;
    let own = &world.sender.keys.sign;
    let other_key = world.with_rng(|rng| RecordKey::from_secret(Secret::generate(rng)));
    let grant = setting.with_context(&other_key, own, |_| {});
    let about = "A well-made grant of another key: the commitment refuses it before the first chunk.";
    let case = setting.case(grant.to_bytes());
    book.add("grant", "another-key", about, Body::Record(Box::new(case)), refused_at("commitment", 0));

    // Two keys for one ciphertext: the sender signs a commitment to one key and grants the other, so that two
    // recipients would see two contents. Both grants can't fit one commitment.
    let other = world.seal(world.context(62), "plain second face", 400);
    let grant = setting.with_context(other.sealer.key(), own, |_| {});
    let case = setting.case(grant.to_bytes());
    let about = "The key of another record of the same sender: one manifest, two keys.";
    book.add("grant", "two-keys-one-manifest", about, Body::Record(Box::new(case)), refused_at("commitment", 0));

    let elsewhere = world.with_rng(|rng| {
        let key = siegel_crypto::DeviceKeys::generate(rng).kem;
        let to = (Party::Tenant(world.tenant), &key.public());
        grant::seal(&sealed.manifest, sealed.sealer.key(), to, (sealed.manifest.sender, own), rng).expect("a key")
    });
    let case = setting.case(elsewhere.to_bytes());
    let about = "Sealed to another key, of an older epoch, say.";
    book.add("grant", "sealed-to-another-key", about, Body::Record(Box::new(case)), refused_at("grant", 0));

    let mut stranger = setting.case(setting.honest().to_bytes());
    stranger.recipient.kem_seed = world.rival.keys.kem.seed().expose().into();
    let about = "Delivered to someone else, who tries their own key (C06).";
    book.add("grant", "opened-by-a-stranger", about, Body::Record(Box::new(stranger)), refused_at("grant", 0));
}
