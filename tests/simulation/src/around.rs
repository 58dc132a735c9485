//! What happens around people: time, zones, disks, workers, and who belongs to an institution.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use siegel_domain::time::SECOND_MS;
use siegel_platform::clock::guard::MARK_FILE;
use siegel_platform::clock::{Clock as _, ClockGuard, SharedClock};
use siegel_platform::zones::NAMES;
use siegel_platform::zones::faults::Fault;

use crate::ground::Book;
use crate::life::{Death, Life, until};
use crate::model::{Rec, State, Third};
use crate::op::Harm;
use crate::story::{Story, chosen};

impl Story<'_> {
    /// Time passes.
    pub(crate) fn pass(&mut self, ms: i64) {
        self.place.clock.advance_ms(ms);
        self.tick();
    }

    /// Somebody puts the wall clock right.
    pub(crate) fn set_right(&mut self) -> Result<()> {
        self.place.clock.jump_wall_ms(-std::mem::take(&mut self.model.off));
        self.model.settled();
        self.confirm_clock()
    }

    pub(crate) fn confirm_clock(&self) -> Result<()> {
        let clock: SharedClock = std::sync::Arc::new(self.place.clock.clone());
        ClockGuard::confirm(&self.place.state().join(MARK_FILE), &clock)?;
        Ok(())
    }

    /// A zone is whole again, and has been for a minute.
    pub(crate) async fn heal(&mut self, life: &Life, zone: usize) -> Result<()> {
        if self.model.faults[zone] == Fault::None {
            return Ok(());
        }
        self.place.faults[zone].set(Fault::None);
        self.model.faults[zone] = Fault::None;
        self.pass(60 * SECOND_MS);
        life.poke(self.place, zone).await
    }

    /// What was given up arrives. Where a row of a record that lives names it, it goes with that record. Else it came to
    /// nothing, or too late: no erasure knows of it, and it goes with the inventory.
    pub(crate) async fn land(&mut self, zone: usize) -> Result<()> {
        let before: BTreeSet<_> = self.disks.files(zone).into_iter().collect();
        let landed = self.place.faults[zone].land().await;
        self.say(landed);
        let mut named = Vec::new();
        for tenant in 0..self.place.houses.len() {
            if let Some(mut book) = Book::open(self.place, tenant, "upload").await? {
                named.extend(
                    book.texts(
                        "SELECT c.zone || '/' || c.object FROM copies c JOIN records r ON r.id = c.record
                         WHERE r.state IN ('open', 'committing', 'committed')",
                    )
                    .await?,
                );
                book.close().await?;
            }
        }
        let known = |path: &Path| {
            named
                .iter()
                .filter_map(|name| name.strip_prefix(NAMES[zone])?.strip_prefix('/'))
                .any(|name| path.ends_with(name))
        };
        let files = self.disks.files(zone).into_iter();
        let late: Vec<_> = files.filter(|path| !before.contains(path) && !known(path)).collect();
        self.disks.strays.extend(late);
        Ok(())
    }

    pub(crate) fn damage(&mut self, zone: usize, pick: u8, harm: Harm) -> Result<()> {
        let whole =
            |rec: &Rec| rec.state == State::Live && rec.good[1 - zone] && self.disks.holds(1 - zone, &rec.parts);
        let Some(at) = chosen(&self.model.which(whole), pick) else { return Ok(()) };
        let there = self.disks.parts(zone);
        let part = self.model.recs[at].parts[usize::from(pick) % self.model.recs[at].parts.len()];
        let Some(paths) = there.get(part.as_bytes()) else { return Ok(()) };
        // All that hold it: one that was replaced and arrived late is no good copy.
        for path in paths {
            let mut bytes = std::fs::read(path)?;
            match harm {
                Harm::Lost => std::fs::remove_file(path)?,
                Harm::Torn => std::fs::write(path, &bytes[..bytes.len() / 2 / 4_096 * 4_096])?,
                Harm::Flip => {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                    std::fs::write(path, bytes)?;
                }
            }
        }
        self.model.recs[at].good[zone] = false;
        self.say(format!("record {at}"));
        Ok(())
    }

    pub(crate) async fn work(&mut self, life: &Life, worker: u8, runs: u8, death: Death) -> Result<()> {
        let name = life.workers()[usize::from(worker) % life.workers().len()];
        self.say(name);
        if name == "retention.expire" {
            self.model.sweeps(self.place.clock.monotonic_ms());
        }
        for _ in 0..runs {
            match until(self.place, death, life.work(worker.into())).await {
                Some(done) => self.say(done?),
                None => break,
            }
        }
        self.model.misled(None);
        Ok(())
    }

    /// All workers run until none has anything to do.
    pub(crate) async fn settle(&mut self, life: &Life) -> Result<()> {
        let swept = self.model.sweeps(self.place.clock.monotonic_ms());
        life.settle().await?;
        self.tick();
        if swept && !self.model.doubted {
            self.model.heard();
        }
        self.model.misled(None);
        if self.model.healthy() {
            for zone in 0..2 {
                let there = self.disks.parts(zone);
                for rec in self.model.recs.iter_mut().filter(|rec| rec.state == State::Live) {
                    rec.good[zone] = rec.parts.iter().all(|part| there.contains_key(part.as_bytes()));
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn confirm(&mut self, life: &mut Life, tenant: usize) -> Result<()> {
        if self.model.third[tenant] == Third::Waiting {
            let id = self.place.houses[tenant].senders[2].0;
            life.owner(self.place, tenant)?.confirm_sender(id).await.context("confirm a sender")?;
            self.model.third[tenant] = Third::Confirmed;
        }
        Ok(())
    }

    pub(crate) async fn remove(&mut self, life: &mut Life, tenant: usize) -> Result<()> {
        if self.model.third[tenant] == Third::Confirmed {
            let id = self.place.houses[tenant].senders[2].0;
            life.owner(self.place, tenant)?.remove_sender(id).await.context("remove a sender")?;
            self.model.third[tenant] = Third::Removed;
        }
        Ok(())
    }
}
