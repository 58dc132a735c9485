//! The verified view of a centre's directory. A server's word counts for nothing here: the roster is replayed from the
//! pinned root, epochs must be the ones it names, keys must be the ones it lists, and nothing may be older than what
//! this profile saw before. On top of that the directory signs what it hands out, so that a lie leaves evidence.

use siegel_api::keys::{KeyAnswer, KeyProof};
use siegel_domain::{MemberId, Party, Principal};
use siegel_envelope::directory::{Checkpoint, KeyBundle, KeyStatement};
use siegel_envelope::epoch::EpochStatement;
use siegel_envelope::roster::{KeyHolder, KnownKey};
use siegel_envelope::{Digest, Fingerprint, KemPublicKey, Roster, Signed, SignedBytes, SigningPublicKey};

use crate::error::{Result, Untrusted};
use crate::profile::{Memory, Profile};

/// A directory that says nothing newer than this may be frozen by someone.
const FRESH_MS: i64 = siegel_domain::time::DAY_MS;

/// Members, senders, their keys and the centre's current key, as far as they could be verified.
#[derive(Debug, Clone)]
pub struct Directory {
    roster: Roster,
    entries: Vec<SignedBytes>,
    epoch: Option<(SignedBytes, EpochStatement)>,
}

/// Someone to seal to, with a key that was verified.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Who.
    pub party: Party,
    /// The X-Wing key.
    pub key: KemPublicKey,
    /// Digest of the directory's signed head that vouches for it; manifests name it.
    pub checkpoint: Digest,
    /// Hours since the directory last signed its head, if that is more than a day: someone may hold an old state up.
    pub silent_h: Option<u64>,
}

impl Directory {
    /// Replays entries from the root that the profile pins.
    pub(crate) fn replay(root: Fingerprint, entries: Vec<SignedBytes>) -> Result<Self> {
        let roster = Roster::replay(&entries, root).map_err(|error| Untrusted::Roster(error.to_string()))?;
        Ok(Self { roster, entries, epoch: None })
    }

    /// The same view before its epoch is known again.
    pub(crate) fn without_epoch(self) -> Self {
        Self { epoch: None, ..self }
    }

    /// Verifies and takes further entries.
    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = SignedBytes>) -> Result<()> {
        for entry in entries {
            self.roster.append(&entry).map_err(|error| Untrusted::Roster(error.to_string()))?;
            self.entries.push(entry);
        }
        Ok(())
    }

    /// Takes the newest epoch's statement, which must be the one that the roster names.
    pub(crate) fn set_epoch(&mut self, statement: Option<SignedBytes>) -> Result<()> {
        self.epoch = match (statement, self.roster.epoch()) {
            (None, None) => None,
            (None, Some(_)) => return Err(Untrusted::Rollback("the current epoch is withheld").into()),
            (Some(statement), _) => {
                let opened = EpochStatement::open_current(&statement, &self.roster)
                    .map_err(|error| Untrusted::Key(error.to_string()))?;
                Some((statement, opened))
            }
        };
        Ok(())
    }

    /// Compares with what was seen before and returns what is to be remembered from now on.
    pub(crate) fn check_memory(&self, memory: &Memory) -> Result<Memory> {
        if self.roster.length() < memory.roster_length {
            return Err(Untrusted::Rollback("the list of members is shorter than it was").into());
        }
        if let (Some(head), Some(last)) = (&memory.roster_head, memory.roster_length.checked_sub(1)) {
            let same = self.entries.get(last as usize).is_some_and(|entry| entry.digest().to_hex() == *head);
            if !same {
                return Err(Untrusted::Rollback("the list of members was rewritten").into());
            }
        }
        let epoch = self.roster.epoch().map_or(0, |epoch| epoch.number);
        if epoch < memory.epoch {
            return Err(Untrusted::Rollback("the centre's key is older than it was").into());
        }
        Ok(Memory {
            roster_length: self.roster.length(),
            roster_head: Some(self.roster.head().to_hex()),
            epoch,
            ..memory.clone()
        })
    }

    /// The verified roster.
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The signed entries it was replayed from.
    pub(crate) const fn entries(&self) -> &Vec<SignedBytes> {
        &self.entries
    }

    /// The current epoch's statement, once there is one.
    pub fn epoch(&self) -> Option<&EpochStatement> {
        self.epoch.as_ref().map(|(_, statement)| statement)
    }

    /// Members with their user keys: the recipients of bundles.
    pub fn member_keys(&self) -> impl Iterator<Item = (MemberId, Fingerprint)> + '_ {
        self.roster.members().iter().map(|(id, member)| (*id, member.user_key))
    }

    /// The key of `fingerprint` if it is or was a device of `party`. What an old key signed stays valid.
    pub fn signer(&self, party: Party, fingerprint: &Fingerprint) -> Option<&SigningPublicKey> {
        let KnownKey { key, holder: KeyHolder::Device(principal, _), .. } = self.roster.key(fingerprint)? else {
            return None;
        };
        let same = match (party, principal) {
            (Party::Member(party), Principal::Member(principal)) => party == *principal,
            (Party::Sender(party), Principal::Sender(principal)) => party == *principal,
            _ => false,
        };
        same.then_some(key)
    }

    /// Verifies what the directory answered about `party`, against roster, epoch and what was seen before.
    pub(crate) fn verify_key(
        &self,
        profile: &Profile,
        memory: &mut Memory,
        party: Party,
        answer: &KeyAnswer,
        now_ms: i64,
    ) -> Result<Recipient, Untrusted> {
        let bad = |what: &str| Untrusted::Key(what.to_owned());
        if answer.party != party {
            return Err(bad("the answer is about someone else"));
        }
        let kem = KemPublicKey::from_slice(&answer.bundle.kem_key).map_err(|_| bad("not a key"))?;
        let (expected, epoch) = match party {
            Party::Tenant(tenant) if tenant == self.roster.tenant() => {
                let epoch = self.epoch().ok_or_else(|| bad("the centre has no key yet"))?;
                if self.roster.epoch_due() {
                    return Err(bad("someone was removed from the centre and its new key is not there yet"));
                }
                (epoch.inbox_key.fingerprint(), Some(epoch.number))
            }
            Party::Tenant(_) => return Err(bad("another centre")),
            Party::Sender(id) => {
                let device = self.roster.senders().get(&id).ok_or_else(|| bad("this sender is not confirmed"))?;
                (device.kem, None)
            }
            Party::Member(id) => {
                let member = self.roster.members().get(&id).ok_or_else(|| bad("this member is not in the list"))?;
                (member.user_key, None)
            }
        };
        if kem.fingerprint() != expected {
            return Err(bad("not the key that the members signed"));
        }
        let bundle = KeyBundle { tenant: self.roster.tenant(), party, sign: signing_keys(&answer.bundle)?, kem, epoch };
        let KeyProof::Statement { statement } = &answer.proof;
        let statement = Signed::<KeyStatement>::open(statement, &profile.statement_key)
            .map_err(|error| bad(&format!("the directory's statement: {error}")))?;
        if statement.tenant != bundle.tenant || statement.party != party || statement.bundle != bundle.digest() {
            return Err(bad("the directory's statement is about another key"));
        }
        if statement.roster != self.roster.head() {
            return Err(bad("the directory's statement belongs to another list of members"));
        }
        let (checkpoint, silent_h) = self.verify_checkpoint(profile, memory, &answer.checkpoint, now_ms)?;
        Ok(Recipient { party, key: bundle.kem, checkpoint, silent_h })
    }

    /// The directory's signed head: fits the roster and follows the last one. With it the hours of its silence, if they
    /// are too many.
    fn verify_checkpoint(
        &self,
        profile: &Profile,
        memory: &mut Memory,
        signed: &[u8],
        now_ms: i64,
    ) -> Result<(Digest, Option<u64>), Untrusted> {
        let bad = |what: String| Untrusted::Key(format!("the directory's checkpoint: {what}"));
        let open = |bytes: &[u8]| Signed::<Checkpoint>::open(bytes, &profile.statement_key);
        let new = open(signed).map_err(|error| bad(error.to_string()))?;
        if new.tenant != self.roster.tenant() || new.root != self.roster.root() {
            return Err(bad("is another centre's".to_owned()));
        }
        if new.sequence != self.roster.length() || new.roster != self.roster.head() {
            return Err(bad("belongs to another list of members".to_owned()));
        }
        let seen = memory.checkpoint.as_ref().and_then(|hex| hex::decode(hex).ok());
        if seen.and_then(|bytes| open(&bytes).ok()).is_some_and(|seen| !new.follows(&seen)) {
            return Err(Untrusted::Rollback("the directory's checkpoint does not follow the last one"));
        }
        let age_ms = now_ms.saturating_sub(new.time.0);
        let silent_h = (age_ms > FRESH_MS).then(|| age_ms.unsigned_abs() / 3_600_000);
        if let Some(age_h) = silent_h {
            tracing::warn!(age_h, "the directory has said nothing new for more than a day");
        }
        memory.checkpoint = Some(hex::encode(signed));
        Ok((new.bytes().digest(), silent_h))
    }
}

/// The signing keys of a bundle, ascending as the statement has them.
fn signing_keys(bundle: &siegel_api::keys::KeyBundle) -> Result<Vec<SigningPublicKey>, Untrusted> {
    let bad = || Untrusted::Key("a signing key is not one".to_owned());
    let key = |bytes: &siegel_api::Bytes| {
        bytes.array().and_then(|bytes| SigningPublicKey::from_bytes(bytes).ok()).ok_or_else(bad)
    };
    let mut keys = bundle.sign_keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    keys.sort();
    Ok(keys)
}
