//! Keeping the verified view of the directory up to date.

use std::sync::Arc;

use siegel_api::keys::{KeyAnswer, RosterPage, RosterQuery};
use siegel_domain::Party;
use siegel_envelope::{RosterEntry, SignedBytes};

use super::Session;
use crate::directory::{Directory, Recipient};
use crate::error::{Error, Result, Untrusted};
use crate::http::Request;
use crate::profile::Memory;
use crate::time::Moment;

const ROSTER: &str = "GET /v1/keys/roster";
/// Pages that one refresh is willing to read: more than a tenant can have.
const PAGES: usize = 10_000;

impl Session {
    /// The centre's members, senders and keys, verified. Fetched once for this session; see
    /// [`Session::refresh_directory`].
    pub async fn directory(&self) -> Result<Arc<Directory>> {
        let mut known = self.0.directory.lock().await;
        if let Some(directory) = &*known {
            return Ok(directory.clone());
        }
        let fresh = self.fetch_directory(None).await?;
        *known = Some(fresh.clone());
        Ok(fresh)
    }

    /// Fetches what is new, verifies it, and remembers it.
    pub async fn refresh_directory(&self) -> Result<Arc<Directory>> {
        let mut known = self.0.directory.lock().await;
        let fresh = self.fetch_directory(known.take()).await?;
        *known = Some(fresh.clone());
        Ok(fresh)
    }

    async fn fetch_directory(&self, known: Option<Arc<Directory>>) -> Result<Arc<Directory>> {
        let root = self.profile().tenant()?.root;
        let known = known.map(|directory| Arc::unwrap_or_clone(directory).without_epoch());
        let stored = || Directory::replay(root, self.dir().roster_entries()).ok();
        let mut directory = known.or_else(stored);
        let before = directory.as_ref().map_or(0, |directory| directory.roster().length());
        let mut statement = None;
        for _ in 0..PAGES {
            let after = directory.as_ref().and_then(|directory| directory.roster().length().checked_sub(1));
            let query = RosterQuery { after };
            let page: RosterPage = self.http().json(&Request::new(ROSTER, &[], self.auth()).query(&query)).await?;
            let entries = page.entries.iter().map(|bytes| SignedBytes::from_bytes_of::<RosterEntry>(bytes));
            let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| Error::answer(ROSTER, error))?;
            let empty = entries.is_empty();
            match &mut directory {
                Some(directory) => directory.extend(entries)?,
                None => directory = Some(Directory::replay(root, entries)?),
            }
            statement = page.epoch_statement;
            if !page.more || empty {
                break;
            }
        }
        let mut directory = directory.ok_or_else(|| Untrusted::Roster("it is empty".to_owned()))?;
        let statement = statement
            .map(|bytes| SignedBytes::from_bytes_of::<siegel_envelope::epoch::EpochStatement>(&bytes))
            .transpose()
            .map_err(|error| Error::answer(ROSTER, error))?;
        directory.set_epoch(statement)?;
        self.remembering(|memory| {
            *memory = directory.check_memory(memory)?;
            Ok(())
        })?;
        if directory.roster().length() != before {
            self.dir().keep_roster_entries(directory.entries())?;
        }
        Ok(Arc::new(directory))
    }

    /// Someone to seal to. The key is checked against roster, epoch, the directory's signature and what was seen before;
    /// if it does not fit, the view may be old: it is refreshed once.
    ///
    /// Many who ask at once share an answer that was asked for after each of them came: as fresh as one of their own.
    pub async fn recipient(&self, party: Party) -> Result<Recipient> {
        let came = Moment::now();
        let mut last = self.0.recipient.lock().await;
        if let Some((asked, recipient)) = &*last
            && recipient.party == party
            && *asked >= came
        {
            return Ok(recipient.clone());
        }
        let asked = Moment::now();
        let directory = self.directory().await?;
        let recipient = match self.verified_key(&directory, party).await {
            Err(Error::Untrusted(_)) => {
                let directory = self.refresh_directory().await?;
                self.verified_key(&directory, party).await?
            }
            other => other?,
        };
        *last = Some((asked, recipient.clone()));
        Ok(recipient)
    }

    async fn verified_key(&self, directory: &Directory, party: Party) -> Result<Recipient> {
        let answer: KeyAnswer = self.http().json(&Request::new("GET /v1/keys/{party}", &[&party], self.auth())).await?;
        let now_ms = self.now_ms();
        self.remembering(|memory| Ok(directory.verify_key(self.profile(), memory, party, &answer, now_ms)?))
    }

    /// Compares with what was seen before and remembers what `look` makes of it; one at a time, so that nobody writes
    /// back an older state.
    pub(super) fn remembering<T>(&self, look: impl FnOnce(&mut Memory) -> Result<T>) -> Result<T> {
        let _alone = self.0.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = self.dir().memory()?;
        let mut memory = before.clone();
        let seen = look(&mut memory)?;
        if memory != before {
            self.dir().remember(&memory)?;
        }
        Ok(seen)
    }
}
