//! Erasing, by those who may and those who may not.

use anyhow::{Context as _, Result, bail, ensure};
use siegel_api::retention::{EraseTarget, ErasureState};
use siegel_domain::Party;

use crate::life::{Death, Life, until};
use crate::line::Cut;
use crate::model::{State, Third, Thread};
use crate::op::{Author, Who};
use crate::said::Said;
use crate::story::{Story, chosen};

impl Story<'_> {
    pub(crate) async fn erase(
        &mut self,
        life: &mut Life,
        pick: u8,
        who: Who,
        line: Option<Cut>,
        death: Death,
    ) -> Result<()> {
        let Some(at) = chosen(&self.model.which(|rec| rec.id.is_some()), pick) else { return Ok(()) };
        let rec = self.model.recs[at].clone();
        let Some(id) = rec.id else { return Ok(()) };
        let target = EraseTarget::Record(id);
        let patient = matches!(line, Some(Cut::Answer { retry: true, .. }));
        let removed = rec.sender.or(rec.to) == Some(2) && self.model.third[rec.tenant] == Third::Removed;
        let (session, entitled) = match who {
            Who::Owner => (life.session(self.place, rec.tenant, None, patient)?, true),
            Who::Sender if removed => return Ok(()),
            Who::Sender => {
                (life.session(self.place, rec.tenant, rec.sender.or(rec.to), patient)?, rec.sender.is_some())
            }
            Who::Foreigner | Who::Neighbour => (self.stranger(life, at, who)?, false),
        };
        self.place.line.arm(line);
        let result = until(self.place, death, session.erase(target)).await;
        let broke = self.place.line.disarm();
        let said = Said::from(result, broke)?;
        self.say(format!("record {at}, {}", said.word()));
        if !entitled {
            return match said {
                Said::Refused(code) if code == "not-found" => Ok(()),
                Said::Unknown if broke => Ok(()), // sent by halves
                other => bail!("expected: not-found for a stranger who erases; seen: {}", other.word()),
            };
        }
        match said {
            Said::Done(erasure) => {
                self.model.recs[at].state = State::Gone;
                if erasure.state == ErasureState::Done {
                    self.nothing_left(at)?;
                    ensure!(!erasure.receipts.is_empty(), "expected: a receipt of what is erased; seen: none");
                    for receipt in erasure.receipts {
                        let receipt = session.receipt(receipt).await.context("a receipt that verifies")?;
                        ensure!(receipt.record() == id, "expected: a receipt of this record; seen: another's");
                    }
                }
                Ok(())
            }
            Said::Refused(code) => {
                // Its sender is nobody's any more once it is gone.
                ensure!(
                    rec.state == State::Gone || self.model.overdue(at) && code == "not-found",
                    "expected: erased; seen: refused, {code}"
                );
                Ok(())
            }
            Said::Unknown => {
                if self.model.recs[at].state == State::Live {
                    self.model.recs[at].state = State::Going;
                }
                Ok(())
            }
        }
    }

    /// Neither disk holds anything of a record.
    pub(crate) fn nothing_left(&self, at: usize) -> Result<()> {
        for zone in 0..2 {
            let there = self.disks.parts(zone);
            let left = self.model.recs[at].parts.iter().any(|part| there.contains_key(part.as_bytes()));
            ensure!(
                !left,
                "expected: zone {zone} holds nothing of an erased record; seen: {}",
                self.model.recs[at].describe()
            );
        }
        Ok(())
    }

    pub(crate) async fn open_thread(&mut self, life: &mut Life, by: Author) -> Result<()> {
        if by.sender == 2 && self.model.third[by.tenant] != Third::Confirmed {
            return Ok(());
        }
        let session = life.session(self.place, by.tenant, Some(by.sender), false)?;
        let tenant = Party::Tenant(self.place.houses[by.tenant].tenant);
        let id = session.open_conversation(tenant, None).await.context("a thread")?;
        self.model.threads.push(Thread { by, id, gone: false });
        Ok(())
    }

    pub(crate) async fn erase_thread(&mut self, life: &mut Life, pick: u8) -> Result<()> {
        let open: Vec<usize> = (0..self.model.threads.len()).filter(|at| !self.model.threads[*at].gone).collect();
        let Some(thread) = chosen(&open, pick) else { return Ok(()) };
        let Thread { by, id, .. } = self.model.threads[thread];
        let target = EraseTarget::Conversation(id);
        life.owner(self.place, by.tenant)?.erase(target).await.context("erase a thread")?;
        self.model.threads[thread].gone = true;
        for rec in self.model.recs.iter_mut().filter(|rec| rec.thread == Some(thread)) {
            match rec.state {
                State::Live | State::Going => rec.state = State::Doomed,
                _ => {}
            }
        }
        Ok(())
    }
}
