//! Who takes part: real keys, sealing real records.

use std::convert::Infallible;
use std::sync::Arc;

use siegel_api::Bytes;
use siegel_api::records::{CommitUpload, GrantItem, OpenUpload, SmallRecord};
use siegel_crypto::meta::Metadata;
use siegel_crypto::rand_core::{TryCryptoRng, TryRng};
use siegel_crypto::seal::{ManifestFields, SealedPart};
use siegel_crypto::{DeviceKeys, EpochSeed, KemSecretKey, RecordContext, RecordSealer, grant};
use siegel_domain::limits::PART_PLAINTEXT_BYTES;
use siegel_domain::{
    ConversationId, DeviceId, MemberId, Party, Principal, RecordId, RecordKind, Role, SenderId, SessionId, TenantId,
    Timestamp,
};
use siegel_envelope::manifest::Recipient;
use siegel_envelope::{Digest, KemPublicKey, Manifest, Signed};
use siegel_platform::auth::Caller;
use siegel_platform::rng::{Rng, SeededRng};

/// The platform's seeded generator, as the sealing crate wants it.
#[derive(Clone)]
pub(crate) struct Dice(Arc<SeededRng>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(SeededRng::new(seed)))
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let rng: &dyn Rng = &*self.0;
        rng.bytes()
    }
}

impl TryRng for Dice {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.bytes()))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.bytes()))
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(dest);
        Ok(())
    }
}

impl TryCryptoRng for Dice {}

/// Someone with a device.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) caller: Caller,
    /// As whom they seal.
    pub(crate) party: Party,
    pub(crate) keys: DeviceKeys,
}

/// An institution's inbox key.
#[derive(Clone)]
pub(crate) struct Inbox {
    pub(crate) party: Party,
    pub(crate) key: Arc<KemSecretKey>,
}

impl Inbox {
    pub(crate) fn new(tenant: TenantId, epoch: u64, dice: &mut Dice) -> Self {
        let key = EpochSeed::generate(tenant, epoch, dice).inbox_key();
        Self { party: Party::Tenant(tenant), key: Arc::new(key) }
    }

    pub(crate) fn to(&self) -> (Party, KemPublicKey) {
        (self.party, self.key.public())
    }
}

impl Person {
    pub(crate) fn sender(tenant: TenantId, n: u8, dice: &mut Dice) -> Self {
        let id = SenderId::from_bytes([n; 16]);
        let caller = caller(Principal::Sender(id), tenant, Role::Sender, n);
        Self { caller, party: Party::Sender(id), keys: DeviceKeys::generate(dice) }
    }

    /// A member, who seals for their institution.
    pub(crate) fn member(tenant: TenantId, n: u8, dice: &mut Dice) -> Self {
        let caller = caller(Principal::Member(MemberId::from_bytes([n; 16])), tenant, Role::Member, n);
        Self { caller, party: Party::Tenant(tenant), keys: DeviceKeys::generate(dice) }
    }

    pub(crate) fn to(&self) -> (Party, KemPublicKey) {
        (self.party, self.keys.kem.public())
    }
}

fn caller(principal: Principal, tenant: TenantId, role: Role, n: u8) -> Caller {
    let (device, session) = (DeviceId::from_bytes([n; 16]), SessionId::from_bytes([n; 16]));
    Caller { principal, tenant: Some(tenant), device, session, role, confirmed: true }
}

/// A record on its sender's machine, sealed.
pub(crate) struct Sealed {
    pub(crate) open: OpenUpload,
    pub(crate) plain: Vec<u8>,
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) sealed: Vec<SealedPart>,
    pub(crate) fields: ManifestFields,
    pub(crate) manifest: Signed<Manifest>,
    pub(crate) metadata: Vec<u8>,
    pub(crate) sealer: RecordSealer,
    pub(crate) grants: Vec<GrantItem>,
}

/// What to seal, before it is.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) record: RecordId,
    pub(crate) kind: RecordKind,
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) answers: Option<RecordId>,
    pub(crate) return_report: Option<bool>,
    pub(crate) plain_bytes: usize,
}

impl Draft {
    pub(crate) fn recording(dice: &Dice, plain_bytes: usize) -> Self {
        let record = RecordId::from_bytes(dice.bytes());
        Self {
            record,
            kind: RecordKind::Recording,
            conversation: None,
            answers: None,
            return_report: None,
            plain_bytes,
        }
    }

    pub(crate) fn seal(&self, from: &Person, to: &[(Party, KemPublicKey)], dice: &mut Dice) -> Sealed {
        let tenant = from.caller.tenant.unwrap();
        let sender_key = from.keys.sign.fingerprint();
        let context = RecordContext { tenant, record: self.record, sender: from.party, sender_key };
        let sealer = RecordSealer::new(context, dice);
        let plain: Vec<u8> = (0..self.plain_bytes).map(|at| (at % 251) as u8).collect();
        let (mut parts, mut sealed) = (Vec::new(), Vec::new());
        let count = plain.len().div_ceil(PART_PLAINTEXT_BYTES).max(1);
        for number in 0..count {
            let from = number * PART_PLAINTEXT_BYTES;
            let piece = &plain[from..plain.len().min(from + PART_PLAINTEXT_BYTES)];
            let mut out = Vec::new();
            sealed.push(sealer.seal_part(number as u32, number + 1 == count, piece, dice, &mut out).unwrap());
            parts.push(out);
        }
        let name = Metadata { file_name: Some("Erika Mustermann.edf".into()), ..Metadata::default() };
        let metadata = sealer.seal_metadata(&name, dice).unwrap();
        let fields = ManifestFields {
            conversation: self.conversation,
            recipients: to.iter().map(|(party, key)| Recipient { party: *party, key: key.fingerprint() }).collect(),
            plain_bytes: plain.len() as u64,
            parts: sealed.iter().map(SealedPart::entry).collect(),
            metadata_hash: Digest::of(&metadata),
            answers: self.answers,
            client_time: Timestamp(1),
            checkpoint: None,
        };
        let manifest = sealer.finish(fields.clone(), &from.keys.sign).unwrap();
        let open = OpenUpload {
            record: self.record,
            kind: self.kind,
            conversation: self.conversation,
            answers: self.answers,
            return_report: self.return_report,
        };
        let grants = grants(&manifest, &sealer, from, to, dice);
        Sealed { open, plain, parts, sealed, fields, manifest, metadata, sealer, grants }
    }
}

/// Grants of a record by `from`, one for each of `to`.
pub(crate) fn grants(
    manifest: &Manifest,
    sealer: &RecordSealer,
    from: &Person,
    to: &[(Party, KemPublicKey)],
    dice: &mut Dice,
) -> Vec<GrantItem> {
    let mut items = Vec::new();
    for (party, key) in to {
        let grant = grant::seal(manifest, sealer.key(), (*party, key), (from.party, &from.keys.sign), dice).unwrap();
        items.push(GrantItem { recipient: *party, grant: Bytes(grant.to_bytes()) });
    }
    items
}

impl Sealed {
    pub(crate) fn id(&self) -> RecordId {
        self.open.record
    }

    pub(crate) fn commit(&self) -> CommitUpload {
        CommitUpload {
            manifest: Bytes(self.manifest.to_bytes()),
            sealed_metadata: Bytes(self.metadata.clone()),
            grants: self.grants.clone(),
        }
    }

    pub(crate) fn small(&self) -> SmallRecord {
        assert_eq!(self.parts.len(), 1);
        SmallRecord { open: self.open.clone(), commit: self.commit(), part: Bytes(self.parts[0].clone()) }
    }

    /// The same record, its manifest changed before it was signed, by `from`.
    pub(crate) fn commit_as(&self, from: &Person, change: impl FnOnce(&mut Manifest)) -> CommitUpload {
        let mut manifest: Manifest = self.manifest.bytes().peek().unwrap();
        change(&mut manifest);
        CommitUpload { manifest: Bytes(from.keys.sign.sign(manifest).to_bytes()), ..self.commit() }
    }
}
