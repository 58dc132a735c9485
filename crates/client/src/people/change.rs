//! Changing the roster: the next entry is signed against the newest verified version; if someone was faster, it is read
//! again and signed anew. And sealing the centre's keys to exactly the members of a roster version.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use siegel_api::keys::EpochChange;
use siegel_crypto::{EpochRing, bundle, epoch, roster};
use siegel_domain::{MemberId, Party, Timestamp};
use siegel_envelope::epoch::Bundle;
use siegel_envelope::{KemPublicKey, Roster, RosterChange, RosterEntry, Signed};

use crate::error::{Code, Error, Result, Untrusted};
use crate::rng;
use crate::session::Session;

/// Times that someone else may be faster before we give up.
const ATTEMPTS: u32 = 5;
/// Keys that are fetched at the same time.
const FETCHES: usize = 8;

/// Counts how often someone else was faster.
#[derive(Default)]
pub(super) struct Race(u32);

impl Race {
    /// Whether the attempt that ended so should be made again, on the newest directory.
    pub(super) fn lost<T>(&mut self, outcome: &Result<T>) -> bool {
        self.0 += 1;
        let code = outcome.as_ref().err().and_then(Error::code);
        self.0 < ATTEMPTS && matches!(code, Some(Code::RosterConflict | Code::Conflict | Code::EpochChanged))
    }
}

/// A roster with one more entry, not yet accepted by the server.
pub(super) struct Next {
    pub(super) roster: Roster,
    pub(super) entry: Signed<RosterEntry>,
}

impl Session {
    /// The next entry, checked by the rules by which everyone else will check it.
    pub(super) fn next_entry(&self, roster: &Roster, change: RosterChange) -> Result<Next> {
        let entry = roster::next(roster, change, Timestamp(self.now_ms()), &self.device().sign);
        let mut next = roster.clone();
        next.append(entry.bytes()).map_err(|error| Error::input("change", error))?;
        Ok(Next { roster: next, entry })
    }

    /// All seeds of `ring`, sealed to each member of `roster`. `newcomer` is a member whose key the directory does not
    /// have yet.
    pub(super) async fn sealed_for(
        &self,
        ring: &EpochRing,
        roster: &Roster,
        newcomer: Option<(MemberId, KemPublicKey)>,
    ) -> Result<Signed<Bundle>> {
        let previous = self.sealed_bundle().await?;
        let revision = self.bundle_revision(&previous)?;
        let known: Option<MemberId> = newcomer.as_ref().map(|(id, _)| *id);
        let others: Vec<MemberId> = roster.members().keys().copied().filter(|id| Some(*id) != known).collect();
        let fetched = stream::iter(others).map(async |id| Ok::<_, Error>((id, self.member_key(roster, id).await?)));
        let mut keys: BTreeMap<MemberId, KemPublicKey> = fetched.buffer_unordered(FETCHES).try_collect().await?;
        keys.extend(newcomer);
        let previous = Some((revision, previous.digest()));
        bundle::seal(ring, roster, &keys, previous, &self.device().sign, &mut rng::system())
            .map_err(|error| Untrusted::Bundle(error.to_string()).into())
    }

    /// A member's key in full; the roster says which one it has to be.
    async fn member_key(&self, roster: &Roster, id: MemberId) -> Result<KemPublicKey> {
        let request = crate::http::Request::new("GET /v1/keys/{party}", &[&Party::Member(id)], self.auth());
        let answer: siegel_api::keys::KeyAnswer = self.http().json(&request).await?;
        let key = KemPublicKey::from_slice(&answer.bundle.kem_key).ok();
        let expected = roster.members().get(&id).map(|member| member.user_key);
        key.filter(|key| Some(key.fingerprint()) == expected)
            .ok_or_else(|| Untrusted::Key("a member's key is not the one the members signed".to_owned()).into())
    }

    /// A new epoch after `roster`: everyone who was removed before it can't read what comes after it.
    pub(super) async fn new_epoch(&self, ring: &EpochRing, roster: &Roster) -> Result<(EpochChange, EpochRing)> {
        let next = ring.with_next(&mut rng::system());
        let bundle = self.sealed_for(&next, roster, None).await?;
        let (statement, entry) = epoch::announce(&next, roster, Timestamp(self.now_ms()), &self.device().sign);
        let change = EpochChange {
            statement: statement.to_bytes().into(),
            bundle: bundle.to_bytes().into(),
            roster_entry: entry.to_bytes().into(),
        };
        Ok((change, next))
    }

    fn bundle_revision(&self, signed: &siegel_envelope::SignedBytes) -> Result<u64> {
        let bundle: Bundle = signed.peek().map_err(|error| Untrusted::Bundle(error.to_string()))?;
        if bundle.revision < self.dir().memory()?.bundle_revision {
            return Err(Untrusted::Rollback("the centre's sealed keys are older than they were").into());
        }
        Ok(bundle.revision)
    }
}
