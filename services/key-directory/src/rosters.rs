//! The signed chain of each tenant: verified again when it is read, appended to by compare-and-set.
//!
//! Verifying costs 42 µs an entry, so the state of the tenants in use is kept and only what is new is verified. The
//! database is the truth: a kept state that is not the beginning of what stands there is thrown away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use siegel_domain::{Party, TenantId};
use siegel_envelope::epoch::{Bundle, EpochStatement};
use siegel_envelope::{Digest, Roster, RosterChange, RosterEntry, SignedBytes};
use siegel_platform::db::{DbError, Tx, violated};
use siegel_platform::{Problem, Reason};

use crate::error;
use crate::store::roster as store;

/// Tenants whose state is kept.
const KEPT: usize = 256;
/// Entries read at a time.
const BATCH: i64 = 1_000;

/// Verified rosters of the tenants in use.
#[derive(Default)]
pub(crate) struct Rosters(Mutex<HashMap<TenantId, Arc<Roster>>>);

impl Rosters {
    /// The tenant's roster as this connection sees it; none before the first owner has enrolled.
    pub(crate) async fn load(
        &self,
        connection: &mut siegel_platform::db::Connection,
        tenant: TenantId,
    ) -> Result<Option<Arc<Roster>>, Problem> {
        let Some((length, head)) = store::head(&mut *connection).await? else { return Ok(None) };
        let kept = self.lock().get(&tenant).cloned();
        if let Some(kept) = &kept
            && kept.length() == length
            && kept.head() == head
        {
            return Ok(Some(kept.clone()));
        }
        let corrupt = || Problem::from(DbError::corrupt("roster", "entry", tenant));
        let mut roster = kept.filter(|kept| kept.length() < length).map(|kept| Roster::clone(&kept));
        loop {
            let from = roster.as_ref().map_or(0, Roster::length);
            let entries = store::entries(&mut *connection, from, BATCH).await?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                let entry = SignedBytes::from_bytes_of::<RosterEntry>(&entry).map_err(|_| corrupt())?;
                match &mut roster {
                    None => roster = Some(Roster::found(&entry).map_err(|_| corrupt())?),
                    Some(roster) => {
                        roster.append(&entry).map_err(|_| corrupt())?;
                    }
                }
            }
        }
        let roster = roster.filter(|roster| roster.length() == length && roster.head() == head).ok_or_else(corrupt)?;
        let roster = Arc::new(roster);
        let mut kept = self.lock();
        if kept.len() >= KEPT && !kept.contains_key(&tenant) {
            kept.clear();
        }
        kept.insert(tenant, roster.clone());
        Ok(Some(roster))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Roster>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads an entry from a request.
pub(crate) fn parse_entry(bytes: &[u8]) -> Result<SignedBytes, Problem> {
    SignedBytes::from_bytes_of::<RosterEntry>(bytes).map_err(|error| error::decode("roster_entry", error))
}

/// Verifies `entry` as the next of `roster`, takes it and stores it. The transaction holds the write lock since before
/// the roster was read, so of two appends at once the second one finds the chain longer and is refused.
pub(crate) async fn append(tx: &mut Tx<'_>, roster: &mut Roster, entry: &SignedBytes) -> Result<RosterEntry, Problem> {
    let sequence = roster.length();
    let opened = roster.append(entry).map_err(error::roster)?;
    store_entry(tx, sequence, entry, &opened.change).await?;
    Ok(opened)
}

/// Stores an entry that was verified.
pub(crate) async fn store_entry(
    tx: &mut Tx<'_>,
    sequence: u64,
    entry: &SignedBytes,
    change: &RosterChange,
) -> Result<(), Problem> {
    match store::append(tx, sequence, entry, introduces(change)).await {
        Ok(()) => Ok(()),
        Err(error) if violated(&error).is_some() => Err(Reason::RosterConflict.into()),
        Err(error) => Err(error.into()),
    }
}

/// Whose keys an entry brings in.
fn introduces(change: &RosterChange) -> Option<Party> {
    match change {
        RosterChange::Found { member, .. }
        | RosterChange::AddMember { member, .. }
        | RosterChange::AddDevice { member, .. } => Some(Party::Member(*member)),
        RosterChange::AddSender { sender, .. } | RosterChange::SetSenderKey { sender, .. } => {
            Some(Party::Sender(*sender))
        }
        _ => None,
    }
}

/// A change of epoch, read from a request.
pub(crate) struct Change {
    pub(crate) statement: SignedBytes,
    pub(crate) bundle: SignedBytes,
    pub(crate) entry: SignedBytes,
}

impl Change {
    pub(crate) fn parse(change: &siegel_api::keys::EpochChange) -> Result<Self, Problem> {
        Ok(Self {
            statement: SignedBytes::from_bytes_of::<EpochStatement>(&change.statement)
                .map_err(|error| error::decode("epoch.statement", error))?,
            bundle: parse_bundle(&change.bundle)?,
            entry: parse_entry(&change.roster_entry)?,
        })
    }
}

/// Reads a bundle from a request.
pub(crate) fn parse_bundle(bytes: &[u8]) -> Result<SignedBytes, Problem> {
    SignedBytes::from_bytes_of::<Bundle>(bytes).map_err(|error| error::decode("bundle", error))
}

/// Appends the next epoch: number and predecessor follow, the roster entry names the statement, the same entitled
/// device signed both, and the bundle is sealed to exactly the members of the roster. Returns its number.
pub(crate) async fn change_epoch(
    tx: &mut Tx<'_>,
    roster: &mut Roster,
    change: &Change,
    now_ms: i64,
) -> Result<u64, Problem> {
    let before = roster.head();
    let previous = roster.epoch().map(|epoch| epoch.statement);
    let opened = append(tx, roster, &change.entry).await?;
    if !matches!(opened.change, RosterChange::NewEpoch { .. }) {
        return Err(error::does_not_fit("The roster entry of an epoch has to be NewEpoch."));
    }
    let statement = EpochStatement::open_current(&change.statement, roster).map_err(error::epoch)?;
    if statement.previous != previous || statement.roster != before {
        return Err(error::does_not_fit(
            "The epoch's statement does not follow the last one, or names another roster.",
        ));
    }
    let row = store::EpochRow {
        number: i64::try_from(statement.number).map_err(|_| Problem::new(Reason::LimitReached))?,
        statement: change.statement.to_bytes(),
        kem_fingerprint: statement.inbox_key.fingerprint().as_bytes().to_vec(),
    };
    store::insert_epoch(tx, &row, now_ms).await?;
    replace_bundle(tx, roster, &change.bundle, before).await?;
    Ok(statement.number)
}

/// Takes the next bundle: made by a member, chained to the last, of the newest epoch, and sealed to exactly the members
/// of the roster as it was at `head`. What is inside the server can't see.
pub(crate) async fn replace_bundle(
    tx: &mut Tx<'_>,
    roster: &Roster,
    bundle: &SignedBytes,
    head: Digest,
) -> Result<(), Problem> {
    let opened = Bundle::open_current(bundle, roster).map_err(error::epoch)?;
    let (revision, previous) = match store::bundle_head(&mut **tx).await? {
        Some((revision, digest)) => (revision + 1, Some(digest)),
        None => (1, None),
    };
    if opened.revision != revision || opened.previous != previous {
        return Err(Problem::new(Reason::RosterConflict)
            .detail("The bundle does not follow the last one; read it and seal again."));
    }
    let epoch = roster.epoch().map_or(0, |epoch| epoch.number);
    if opened.epoch != epoch || opened.roster != head {
        return Err(error::does_not_fit("The bundle belongs to another epoch or roster."));
    }
    let mut recipients: Vec<_> = opened.keys.iter().map(|key| (key.member, key.user_key)).collect();
    recipients.sort_unstable();
    let members = roster.members().iter().map(|(id, member)| (*id, member.user_key));
    if !recipients.into_iter().eq(members) {
        return Err(error::does_not_fit(
            "The bundle has to be sealed to each member of the roster once, and to nobody else.",
        ));
    }
    store::set_bundle(tx, revision, bundle).await?;
    Ok(())
}
