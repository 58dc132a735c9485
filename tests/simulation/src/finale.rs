//! The end of every story: zones are healed, the clock is put right, the workers have two days. Then three views have to
//! agree: what people see, what the books say, and what lies on the disks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use siegel_client::Meter;
use siegel_domain::time::HOUR_MS;
use siegel_platform::clock::Clock as _;
use siegel_platform::zones::NAMES;
use siegel_platform::zones::faults::Fault;
use sqlx::Row as _;

use crate::ground::Book;
use crate::life::Life;
use crate::model::State;
use crate::said::Said;
use crate::story::Story;

impl Story<'_> {
    /// Heals everything, waits as long as the platform may take, and compares.
    pub async fn end(&mut self, life: &mut Life) -> Result<()> {
        self.told.push("the end".to_owned());
        for zone in 0..2 {
            self.heal(life, zone).await?;
        }
        self.set_right()?;
        self.settle(life).await?;
        // What zones were still writing when they were given up arrives now, long after it was replaced or erased.
        for zone in 0..2 {
            self.place.faults[zone].land().await;
        }
        // Two rounds of a day and a bit: every copy is compared and every abandoned upload swept in the first, what that
        // brought up is mended in the second, and what no row names is older than two days after it. If a clock ahead has
        // dated it, it is found in the first round at the latest, and goes two days later.
        let rounds = if self.disks.any_after(self.place.clock.now()) { 4 } else { 2 };
        for _ in 0..rounds {
            self.disks.date(self.place.clock.now())?;
            self.pass(26 * HOUR_MS);
            self.settle(life).await?;
            self.settle(life).await?;
        }
        self.disks.strays.clear(); // by now whoever asks may be told that nothing is left
        for tenant in 0..self.place.houses.len() {
            self.list(life, tenant).await?;
        }
        self.what_is_gone()?;
        for zone in 0..2 {
            self.one_zone_is_enough(life, zone).await?;
        }
        for tenant in 0..self.place.houses.len() {
            self.books(life, tenant).await.with_context(|| format!("tenant {tenant}"))?;
        }
        life.no_panics()
    }

    /// Nothing is left of what was erased, or was being erased when it was last heard of.
    fn what_is_gone(&self) -> Result<()> {
        for at in 0..self.model.recs.len() {
            let rec = &self.model.recs[at];
            if rec.state == State::Gone || rec.state == State::Doomed && rec.id.is_some() {
                self.nothing_left(at)?;
            }
        }
        Ok(())
    }

    /// Each zone alone gives everything back, byte for byte.
    async fn one_zone_is_enough(&mut self, life: &mut Life, zone: usize) -> Result<()> {
        let other = 1 - zone;
        self.place.faults[other].set(Fault::Down);
        self.model.faults[other] = Fault::Down;
        for at in self.model.which(|rec| rec.id.is_some()) {
            let rec = self.model.recs[at].clone();
            let Some(id) = rec.id else { continue };
            let session = self.recipient(life, at, false)?;
            if rec.to == Some(2) && self.model.third[rec.tenant] == crate::model::Third::Removed {
                continue; // whoever it was for is gone
            }
            let opened = Said::from(Some(session.open_record(id).await), false)?;
            let was = rec.state;
            let Some(opened) = self.judge_opening(at, opened)? else {
                self.nothing_left(at)?;
                continue;
            };
            ensure!(was != State::Doomed, "expected: erased with its thread; seen: it opens: {}", rec.describe());
            ensure!(
                self.model.now < rec.due.1,
                "expected: erased, its year is over; seen: it opens: {}",
                rec.describe()
            );
            let content = opened.stream(Vec::new(), Path::new("memory"), &Meter::default()).await;
            let content = content.with_context(|| {
                format!("expected: zone {zone} alone gives it back; seen: an error: {}", rec.describe())
            })?;
            ensure!(content == rec.content(), "expected: what was sent; seen: other bytes: {}", rec.describe());
        }
        self.heal(life, other).await
    }

    /// The books of an institution against the disks and the model.
    async fn books(&mut self, life: &mut Life, tenant: usize) -> Result<()> {
        let house = self.place.houses[tenant].clone();
        let Some(mut book) = Book::open(self.place, tenant, "upload").await? else {
            let none = self.model.recs.iter().all(|rec| rec.tenant != tenant || rec.id.is_none());
            ensure!(none, "expected: books of what was sent; seen: none");
            return Ok(());
        };
        let unfinished = book
            .texts("SELECT id || ' ' || state FROM records WHERE state NOT IN ('committed', 'erased', 'gone')")
            .await?;
        ensure!(unfinished.is_empty(), "expected: nothing half done; seen: {unfinished:?}");
        let committed: BTreeSet<String> =
            book.texts("SELECT id FROM records WHERE state = 'committed'").await?.into_iter().collect();
        let erased: BTreeSet<String> =
            book.texts("SELECT id FROM records WHERE state = 'erased'").await?.into_iter().collect();
        self.states(tenant, &committed, &erased)?;

        // Copies: each zone holds each part once, the books say so, and it is so.
        let unsettled = book.count("SELECT count(*) FROM copies WHERE wanted <> actual").await?;
        ensure!(unsettled == 0, "expected: every copy as it should be; seen: {unsettled} that are not");
        let lacking = book
            .count(
                "SELECT count(*) FROM parts p JOIN records r ON r.id = p.record AND r.state = 'committed' WHERE 2 <> (
                     SELECT count(*) FROM copies c WHERE c.record = p.record AND c.part = p.number AND c.wanted = 'held')",
            )
            .await?;
        ensure!(lacking == 0, "expected: a copy of each part in each zone; seen: {lacking} parts with more or fewer");
        let bucket = life.ctx().zones.bucket(house.tenant);
        let held = book
            .rows("SELECT c.zone, c.object, p.digest FROM copies c JOIN parts p ON p.record = c.record AND p.number = c.part WHERE c.wanted = 'held'")
            .await?;
        let tombs = book
            .rows("SELECT t.zone, t.object, e.tombstone FROM tombstones t JOIN erasures e ON e.record = t.record")
            .await?;
        let erasures = book.count("SELECT count(*) FROM erasures").await?;
        ensure!(
            tombs.len() as i64 == 2 * erasures && erasures as usize == erased.len(),
            "expected: a tombstone in each zone for each of {} erased; seen: {} of {erasures}",
            erased.len(),
            tombs.len()
        );
        for (zone, name) in NAMES.into_iter().enumerate() {
            let root = self.place.state().join("zones").join(crate::zones::SHORT[zone]).join(bucket.as_str());
            let mut there: BTreeMap<String, Vec<u8>> = BTreeMap::new();
            for path in self.disks.files(zone).into_iter().filter(|path| path.starts_with(&root)) {
                let object = path.strip_prefix(&root)?.to_string_lossy().into_owned();
                there.insert(object, std::fs::read(&path)?);
            }
            for row in held.iter().filter(|row| row.get::<String, _>(0) == name) {
                let (object, digest): (String, Vec<u8>) = (row.get(1), row.get(2));
                let bytes = there.remove(&object);
                let right = bytes.and_then(|bytes| siegel_envelope::part::digest_of(&bytes).ok());
                ensure!(
                    right.is_some_and(|right| right.as_bytes()[..] == digest[..]),
                    "expected: {name} holds {object}, as the books say; seen: it does not"
                );
            }
            for row in tombs.iter().filter(|row| row.get::<String, _>(0) == name) {
                let (object, text): (String, Vec<u8>) = (row.get(1), row.get(2));
                ensure!(
                    there.remove(&object) == Some(text),
                    "expected: {name} holds the tombstone {object}; seen: it does not"
                );
            }
            ensure!(there.is_empty(), "expected: nothing in {name} that no row names; seen: {:?}", there.keys());
        }
        let committed_events =
            book.count("SELECT count(*) FROM outbox WHERE type = 'siegel.record.committed.v1'").await?;
        ensure!(
            committed_events as usize == committed.len() + erased.len(),
            "expected: one event for each of {} records that were committed; seen: {committed_events}",
            committed.len() + erased.len()
        );
        book.close().await?;

        let mut keys_of: BTreeSet<String> = BTreeSet::new();
        if let Some(mut keys) = Book::open(self.place, tenant, "keys").await? {
            keys_of.extend(keys.texts("SELECT id FROM shred_keys WHERE id LIKE 'rec_%'").await?);
            keys.close().await?;
        }
        ensure!(
            committed.is_subset(&keys_of) && keys_of.is_disjoint(&erased),
            "expected: a shred key for each record that is there and for none that is erased; seen: {} keys, {} records",
            keys_of.len(),
            committed.len()
        );
        self.retention(life, tenant, &committed, &erased).await
    }

    /// What the books call committed and erased is what the model allows.
    fn states(&self, tenant: usize, committed: &BTreeSet<String>, erased: &BTreeSet<String>) -> Result<()> {
        for rec in self.model.recs.iter().filter(|rec| rec.tenant == tenant) {
            let Some(id) = rec.id.map(|id| id.to_string()) else { continue };
            let fits = match rec.state {
                State::Live => committed.contains(&id),
                State::Gone | State::Doomed => erased.contains(&id),
                State::Going => committed.contains(&id) || erased.contains(&id),
                State::Maybe | State::Unfinished | State::Refused => false,
            };
            ensure!(fits, "expected in the books: {}; seen: something else", rec.describe());
        }
        let ids: BTreeSet<String> = self.model.recs.iter().filter_map(|rec| rec.id).map(|id| id.to_string()).collect();
        // The list was read before: whatever is there has been recognised.
        let unknown: Vec<&String> = committed.difference(&ids).collect();
        ensure!(unknown.is_empty(), "expected: no record that nobody sent; seen: {unknown:?}");
        Ok(())
    }

    async fn retention(
        &self,
        life: &mut Life,
        tenant: usize,
        committed: &BTreeSet<String>,
        erased: &BTreeSet<String>,
    ) -> Result<()> {
        let mut book = Book::open(self.place, tenant, "retention").await?.context("retention's books")?;
        let running = book.count("SELECT count(*) FROM erasures WHERE state <> 'done'").await?;
        ensure!(running == 0, "expected: no erasure under way; seen: {running}");
        let parked = book.count("SELECT count(*) FROM dead_letters").await?;
        ensure!(parked == 0, "expected: every event was understood; seen: {parked} parked");
        let receipts: BTreeSet<String> = book.texts("SELECT record FROM receipts").await?.into_iter().collect();
        ensure!(
            &receipts == erased,
            "expected: a receipt for each erased record; seen: {} of {}",
            receipts.len(),
            erased.len()
        );
        let lines = book.rows("SELECT object, action, count(*) FROM audit_lines GROUP BY object, action").await?;
        book.close().await?;
        let lines: BTreeMap<(String, String), i64> =
            lines.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect();
        let count = |id: &str, action: &str| lines.get(&(id.to_owned(), action.to_owned())).copied().unwrap_or(0);
        for id in committed.iter().chain(erased) {
            ensure!(
                count(id, "record.commit") == 1,
                "expected: one line on the commit of {id}; seen: {}",
                count(id, "record.commit")
            );
        }
        for id in erased {
            ensure!(
                count(id, "record.erase") == 1,
                "expected: one line on the erasure of {id}; seen: {}",
                count(id, "record.erase")
            );
        }
        for rec in self.model.recs.iter().filter(|rec| rec.tenant == tenant) {
            let Some(id) = rec.id else { continue };
            let fetched = count(&id.to_string(), "record.fetched");
            let times = rec.fetches();
            ensure!(
                (i64::from(*times.start())..=i64::from(*times.end())).contains(&fetched),
                "expected: {times:?} lines on fetching {id}; seen: {fetched}"
            );
            if rec.state == State::Live {
                let owner = life.owner(self.place, tenant)?;
                let due =
                    owner.deadline(id).await.with_context(|| format!("the deadline of {}", rec.describe()))?.due_ms;
                // Whatever the clock did, it has been right for two days.
                let latest = self.model.due_after_now();
                ensure!(
                    due <= latest,
                    "expected: due within a year from now; seen: {} h later",
                    (due - latest) / HOUR_MS
                );
                ensure!(
                    (rec.due.0..=rec.due.1).contains(&due),
                    "expected: due between {} and {}; seen: {} ({} h after the first, {} h after the last): {}",
                    rec.due.0,
                    rec.due.1,
                    due,
                    (due - rec.due.0) / HOUR_MS,
                    due.saturating_sub(rec.due.1) / HOUR_MS,
                    rec.describe()
                );
            }
        }
        Ok(())
    }
}
