//! What was acknowledged, written down where no fault of the platform reaches: the test's own memory. At the end it is held
//! against what the centre finds: each acknowledged record is there once, with its bytes, and nothing else is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use siegel_client::{Meter, RecordQuery, Sent, Session};
use siegel_domain::RecordId;

/// Records that are read at once in a check.
const AT_ONCE: usize = 8;

/// Acknowledged uploads to one centre.
#[derive(Default)]
pub struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    acknowledged: BTreeMap<RecordId, Entry>,
    /// Attempts that ended with an error, and may have become a record all the same.
    unsure: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    digest: [u8; 32],
    degraded: bool,
}

impl Ledger {
    /// Writes down what the platform acknowledged. An id that comes twice for two uploads is a fault by itself.
    pub fn acknowledged(&self, sent: &Sent, plain: &[u8]) -> Result<()> {
        let entry = Entry { digest: Sha256::digest(plain).into(), degraded: sent.degraded };
        let before = self.entries().acknowledged.insert(sent.record, entry);
        ensure!(before.is_none(), "{} was acknowledged for two uploads", sent.record);
        Ok(())
    }

    /// Writes down that an upload ended with an error: nobody knows what became of it.
    pub fn unsure(&self) {
        self.entries().unsure += 1;
    }

    /// How many are acknowledged.
    pub fn len(&self) -> usize {
        self.entries().acknowledged.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub fn records(&self) -> Vec<RecordId> {
        self.entries().acknowledged.keys().copied().collect()
    }

    /// How many were acknowledged with one copy only.
    pub fn degraded(&self) -> usize {
        self.entries().acknowledged.values().filter(|entry| entry.degraded).count()
    }

    /// One that is acknowledged, by a number.
    pub fn any(&self, number: usize) -> Option<RecordId> {
        let entries = self.entries();
        let count = entries.acknowledged.len();
        entries.acknowledged.keys().nth(number.checked_rem(count)?).copied()
    }

    /// Downloads and opens one, and compares it with what was sent.
    pub async fn read(&self, owner: &Session, record: RecordId) -> Result<()> {
        let expected = self.entries().acknowledged.get(&record).copied().context("not in the ledger")?;
        let opened = owner.open_record(record).await?;
        let plain = opened.stream(Vec::new(), Path::new("memory"), &Meter::default()).await?;
        ensure!(expected.digest == <[u8; 32]>::from(Sha256::digest(&plain)), "{record} is not what was sent");
        Ok(())
    }

    /// Each acknowledged record is listed once and opens; and nothing is listed beside them, but at most what attempts that
    /// ended with an error may have become.
    pub async fn check(&self, owner: &Session) -> Result<()> {
        let listed = listed(owner).await?;
        let (acknowledged, unsure) = {
            let entries = self.entries();
            (entries.acknowledged.keys().copied().collect::<Vec<_>>(), entries.unsure)
        };
        for (record, times) in &listed {
            ensure!(*times == 1, "{record} is listed {times} times");
        }
        let lost: Vec<_> = acknowledged.iter().filter(|record| !listed.contains_key(record)).collect();
        ensure!(lost.is_empty(), "acknowledged, and not there: {lost:?}");
        let more = listed.len() - acknowledged.len();
        ensure!(more <= unsure, "{more} records that nobody was told of, {unsure} attempts that ended with an error");
        stream::iter(acknowledged)
            .map(async |record| self.read(owner, record).await.with_context(|| record.to_string()))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records that the centre finds in its mailbox, and how often each.
async fn listed(owner: &Session) -> Result<BTreeMap<RecordId, usize>> {
    let mut listed = BTreeMap::new();
    let mut query = RecordQuery { page_size: Some(200), ..RecordQuery::default() };
    loop {
        let page = owner.records(&query).await?;
        for record in page.items {
            *listed.entry(record.id).or_default() += 1;
        }
        match page.next_page_token {
            Some(token) => query.page_token = Some(token),
            None => return Ok(listed),
        }
    }
}
