//! A story: operations are done one after another, and each answer is compared with what the model allows.

use anyhow::{Context as _, Result};
use siegel_domain::time::DAY_MS;
use siegel_platform::clock::guard::MARK_FILE;
use siegel_platform::clock::{Clock as _, ClockGuard, ClockState};
use siegel_platform::zones::faults::Fault;

use crate::life::{Death, Life};
use crate::model::{Model, State};
use crate::op::Op;
use crate::place::Place;
use crate::zones::Disks;

/// What comes after an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next one.
    GoOn,
    /// The process has stopped and starts again.
    Start,
    /// The process dies now.
    Die,
}

/// A story that is being told.
pub struct Story<'a> {
    /// Where.
    pub place: &'a Place,
    /// What must be so.
    pub model: Model,
    /// The disks.
    pub disks: Disks,
    /// What happened, a line each.
    pub told: Vec<String>,
}

impl<'a> Story<'a> {
    /// At its beginning.
    pub fn new(place: &'a Place) -> Self {
        let disks = Disks::of(&place.state());
        Self { place, model: Model::new(place.clock.now()), disks, told: Vec::new() }
    }

    /// Does one operation.
    pub async fn step(&mut self, mut life: Life, op: &Op) -> Result<(Option<Life>, Next)> {
        self.told.push(format!("{op:?}"));
        self.tick();
        self.model.began = self.model.now;
        // Only to know when a deadline may be late; that none is early is never left to the platform.
        let mark = ClockGuard::peek(&self.place.state().join(MARK_FILE))?;
        self.model.doubted = self.model.off != 0 || mark.is_some_and(|(_, state)| state != ClockState::Trusted);
        let next = match op {
            Op::Crash { turns, during } => {
                self.act(&mut life, during, Death::Turns(*turns)).await?;
                Next::Die
            }
            Op::CrashInWrite { zone, after, during } => {
                let zone = *zone;
                let death = if self.model.faults[zone] == Fault::None {
                    self.place.faults[zone].set_after(Fault::Hold, *after);
                    self.model.held = Some(zone);
                    Death::InWrite(zone)
                } else {
                    Death::Turns(10)
                };
                self.act(&mut life, during, death).await?;
                Next::Die
            }
            Op::Restart => {
                life.stop().await?;
                return Ok((None, Next::Start));
            }
            Op::Rest { days } => {
                life.stop().await?;
                self.pass(days * DAY_MS);
                self.model.doubted = true;
                return Ok((None, Next::Start));
            }
            other => {
                self.act(&mut life, other, Death::No).await?;
                Next::GoOn
            }
        };
        life.no_panics()?;
        self.tick();
        self.disks.date(self.place.clock.now())?;
        for at in self.model.which(|rec| rec.state == State::Live) {
            if self.model.overdue(at) {
                self.model.recs[at].state = State::Going;
            }
        }
        Ok((Some(life), next))
    }

    async fn act(&mut self, life: &mut Life, op: &Op, death: Death) -> Result<()> {
        match *op {
            Op::Send { by, size, thread, line } => self.send(life, by, size, thread, line, death).await,
            Op::GoOn { pick } => self.go_on(life, pick, death).await,
            Op::Reply { pick, line } => self.reply(life, pick, line, death).await,
            Op::OpenThread { by } => self.open_thread(life, by).await,
            Op::Fetch { pick, by, line } => self.fetch(life, pick, by, line, death).await,
            Op::Range { pick, from, length } => self.range(life, pick, from, length).await,
            Op::List { tenant } => self.list(life, tenant).await,
            Op::Erase { pick, by, line } => self.erase(life, pick, by, line, death).await,
            Op::EraseThread { pick } => self.erase_thread(life, pick).await,
            Op::Pass { ms } => {
                self.pass(ms);
                // Time does not pass without somebody looking at the clock; in a platform that runs, each minute.
                life.work_of("upload.inventory").await.map(drop)
            }
            Op::Jump { ms } => {
                self.place.clock.jump_wall_ms(ms);
                self.model.off += ms;
                self.model.doubted = true;
                Ok(())
            }
            Op::SetRight => self.set_right(),
            Op::Believe => {
                self.confirm_clock()?;
                self.model.believe();
                Ok(())
            }
            Op::Fault { zone, fault } => {
                self.heal(life, zone).await?;
                self.place.faults[zone].set(fault);
                self.model.faults[zone] = fault;
                Ok(())
            }
            Op::Heal { zone } => self.heal(life, zone).await,
            Op::Land { zone } => self.land(zone).await,
            Op::Damage { zone, pick, harm } => self.damage(zone, pick, harm),
            Op::Work { worker, runs } => self.work(life, worker, runs, death).await,
            Op::Settle => self.settle(life).await,
            Op::Rotate { tenant } => {
                life.owner(self.place, tenant)?.rotate_epoch().await.context("a new epoch")?;
                Ok(())
            }
            Op::Confirm { tenant } => self.confirm(life, tenant).await,
            Op::Remove { tenant } => self.remove(life, tenant).await,
            Op::Restart | Op::Rest { .. } | Op::Crash { .. } | Op::CrashInWrite { .. } => Ok(()), // not within another
        }
    }

    /// A process starts: it knows the wall clock, and what the last one wrote down.
    pub fn starts(&mut self) -> Result<()> {
        self.tick();
        let known = ClockGuard::latest_on_disk(&self.place.state().join(MARK_FILE))?.max(self.place.clock.now());
        self.model.unknown = (self.model.now - known.0).max(0);
        self.model.swept = None;
        Ok(())
    }

    pub(crate) fn tick(&mut self) {
        self.model.tick(self.place.clock.now());
    }

    pub(crate) fn say(&mut self, what: impl std::fmt::Display) {
        if let Some(last) = self.told.last_mut() {
            last.push_str(&format!(" → {what}"));
        }
    }
}

/// One of these, if there are any.
pub(crate) fn chosen(among: &[usize], pick: u8) -> Option<usize> {
    (!among.is_empty()).then(|| among[usize::from(pick) % among.len()])
}
