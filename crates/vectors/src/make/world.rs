//! The people of the vectors, and records sealed by them.

use std::cell::RefCell;

use siegel_crypto::keys::{DeviceKeys, EpochRing, UserRoot};
use siegel_crypto::meta::Metadata;
use siegel_crypto::seal::{ManifestFields, SealedPart};
use siegel_crypto::{RecordContext, RecordSealer, SigningSecretKey, grant};
use siegel_domain::limits::PART_PLAINTEXT_BYTES;
use siegel_domain::{DeviceId, MemberId, Party, RecordId, SenderId, TenantId, Timestamp};
use siegel_envelope::manifest::Recipient;
use siegel_envelope::{Digest, Grant, Manifest, Signed, part};

use crate::case::{Piece, PublicParty, RecordCase, SealSource, SecretParty, Source};
use crate::rng::{FixedRng, SeededRng, stream};

/// 2026-01-01, 00:00 UTC.
pub(super) const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// A sender or member with a device.
pub(super) struct Someone<Id> {
    pub(super) id: Id,
    pub(super) device: DeviceId,
    pub(super) keys: DeviceKeys,
}

pub(super) struct World {
    pub(super) tenant: TenantId,
    pub(super) other_tenant: TenantId,
    pub(super) sender: Someone<SenderId>,
    pub(super) rival: Someone<SenderId>,
    pub(super) owner: Someone<MemberId>,
    pub(super) owner_root: UserRoot,
    pub(super) member: Someone<MemberId>,
    pub(super) member_root: UserRoot,
    pub(super) ring: EpochRing,
    rng: RefCell<SeededRng>,
}

/// A record and everything it was made of.
pub(super) struct Sealed {
    pub(super) sealer: RecordSealer,
    pub(super) plain_seed: String,
    pub(super) plain_bytes: usize,
    pub(super) salts: Vec<[u8; 32]>,
    pub(super) parts: Vec<Vec<u8>>,
    pub(super) metadata: Vec<u8>,
    pub(super) manifest: Signed<Manifest>,
}

impl World {
    pub(super) fn new() -> Self {
        let rng = &mut SeededRng::new("siegel vectors: world");
        fn someone<Id>(from: fn([u8; 16]) -> Id, rng: &mut SeededRng) -> Someone<Id> {
            let (id, device) = (from(rng.bytes()), DeviceId::from_bytes(rng.bytes()));
            Someone { id, device, keys: DeviceKeys::generate(rng) }
        }
        let tenant = TenantId::from_bytes(rng.bytes());
        Self {
            tenant,
            other_tenant: TenantId::from_bytes(rng.bytes()),
            sender: someone(SenderId::from_bytes, rng),
            rival: someone(SenderId::from_bytes, rng),
            owner: someone(MemberId::from_bytes, rng),
            owner_root: UserRoot::generate(rng),
            member: someone(MemberId::from_bytes, rng),
            member_root: UserRoot::generate(rng),
            ring: EpochRing::first(tenant, rng),
            rng: RefCell::new(SeededRng::new("siegel vectors: sealing")),
        }
    }

    /// Draws from the common stream. Order matters: a case put in between changes those after it.
    pub(super) fn with_rng<R>(&self, draw: impl FnOnce(&mut SeededRng) -> R) -> R {
        draw(&mut self.rng.borrow_mut())
    }

    /// The tenant as recipient.
    pub(super) fn inbox(&self) -> Recipient {
        let key = self.ring.current().inbox_key().public().fingerprint();
        Recipient { party: Party::Tenant(self.tenant), key }
    }

    /// A context of the sender for a record of that number.
    pub(super) fn context(&self, record: u8) -> RecordContext {
        RecordContext {
            tenant: self.tenant,
            record: RecordId::from_bytes([record; 16]),
            sender: Party::Sender(self.sender.id),
            sender_key: self.sender.keys.sign.fingerprint(),
        }
    }

    /// Seals a record of `plain_bytes` from the sender to the tenant.
    pub(super) fn seal(&self, context: RecordContext, plain_seed: &str, plain_bytes: usize) -> Sealed {
        let sealer = self.with_rng(|rng| RecordSealer::new(context, rng));
        let layout = part::layout(plain_bytes as u64).expect("short enough");
        let (mut salts, mut parts, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..layout.parts {
            let salt = self.with_rng(SeededRng::bytes);
            let (sealed, done) = seal_part(&sealer, plain_seed, number, layout.is_last(number), plain_bytes, &salt);
            salts.push(salt);
            parts.push(sealed);
            entries.push(done.entry());
        }
        let metadata = Metadata {
            file_name: Some("langzeit-ekg.edf".to_owned()),
            media_type: Some("application/octet-stream".to_owned()),
            title: Some("Langzeit-EKG, 24 h".to_owned()),
            note: None,
            fields: vec![("device".to_owned(), "demo".to_owned())],
        };
        let metadata = self.with_rng(|rng| sealer.seal_metadata(&metadata, rng)).expect("short enough");
        let fields = ManifestFields {
            conversation: None,
            recipients: vec![self.inbox()],
            plain_bytes: plain_bytes as u64,
            parts: entries,
            metadata_hash: Digest::of(&metadata),
            answers: None,
            client_time: NOW,
            checkpoint: None,
        };
        let manifest = sealer.finish(fields, &self.sender.keys.sign).expect("keeps the rules");
        Sealed { sealer, plain_seed: plain_seed.to_owned(), plain_bytes, salts, parts, metadata, manifest }
    }

    /// The sender's grant of `manifest`'s record to the tenant.
    pub(super) fn grant(&self, sealed: &Sealed, manifest: &Manifest) -> Grant {
        let to = (Party::Tenant(self.tenant), &self.ring.current().inbox_key().public());
        let by = (manifest.sender, &self.sender.keys.sign);
        self.with_rng(|rng| grant::seal(manifest, sealed.sealer.key(), to, by, rng)).expect("a good key")
    }

    /// The case of a record as it was sealed, without its parts.
    pub(super) fn case(&self, sealed: &Sealed) -> RecordCase {
        self.case_with(sealed, &sealed.manifest)
    }

    /// The same with another manifest, for which a fitting grant is made.
    pub(super) fn case_with(&self, sealed: &Sealed, manifest: &Signed<Manifest>) -> RecordCase {
        RecordCase {
            sender: known(Party::Sender(self.sender.id), &self.sender.keys.sign),
            granter: known(Party::Sender(self.sender.id), &self.sender.keys.sign),
            recipient: SecretParty {
                party: self.tenant.to_string(),
                kem_seed: self.ring.current().inbox_key().seed().expose().into(),
            },
            manifest: manifest.to_bytes().into(),
            grant: self.grant(sealed, manifest).to_bytes().into(),
            metadata: sealed.metadata.as_slice().into(),
            sources: Default::default(),
            parts: Vec::new(),
            range: None,
        }
    }

    /// `manifest` after `change`, signed by the sender.
    pub(super) fn resign(&self, manifest: &Manifest, change: impl FnOnce(&mut Manifest)) -> Signed<Manifest> {
        let mut manifest = manifest.clone();
        change(&mut manifest);
        self.sender.keys.sign.sign(manifest)
    }
}

/// A party as the roster knows it.
pub(super) fn known(party: Party, key: &SigningSecretKey) -> PublicParty {
    PublicParty { party: party.to_string(), key: key.public().as_bytes().into() }
}

/// Seals part `number` of a record whose plaintext is the stream of `seed`.
pub(super) fn seal_part(
    sealer: &RecordSealer,
    seed: &str,
    number: u32,
    last: bool,
    plain_bytes: usize,
    salt: &[u8; 32],
) -> (Vec<u8>, SealedPart) {
    let skip = number as usize * PART_PLAINTEXT_BYTES;
    let plain = stream(seed, skip as u64, (plain_bytes - skip).min(PART_PLAINTEXT_BYTES));
    let mut sealed = Vec::new();
    let done = sealer.seal_part(number, last, &plain, &mut FixedRng(salt), &mut sealed).expect("a good part");
    (sealed, done)
}

impl Sealed {
    /// All parts as bytes in the vector itself.
    pub(super) fn inline(&self) -> Vec<Vec<Piece>> {
        self.parts.iter().map(|part| vec![Piece::Bytes { hex: part.into() }]).collect()
    }

    /// Part `number` as a recipe.
    pub(super) fn recipe(&self, number: usize) -> Source {
        let context = self.sealer.context();
        let skip = number * PART_PLAINTEXT_BYTES;
        Source::Seal(Box::new(SealSource {
            record_key: self.sealer.key().secret().expose().into(),
            tenant: context.tenant.to_string(),
            record: context.record.to_string(),
            sender: context.sender.to_string(),
            sender_key: context.sender_key.as_bytes().into(),
            part: number as u32,
            last: number + 1 == self.parts.len(),
            salt: self.salts[number].into(),
            plain_seed: self.plain_seed.clone(),
            plain_skip: skip as u64,
            plain_bytes: (self.plain_bytes - skip).min(PART_PLAINTEXT_BYTES),
        }))
    }
}

/// A slice of a source.
pub(super) fn slice(source: &str, range: std::ops::Range<usize>) -> Piece {
    Piece::Slice { source: source.to_owned(), from: range.start, to: range.end }
}

/// These bytes.
pub(super) fn bytes(bytes: impl AsRef<[u8]>) -> Piece {
    Piece::Bytes { hex: bytes.into() }
}
