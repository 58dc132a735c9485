//! Sending and answering, and when a record may be refused.

use anyhow::{Context as _, Result, bail, ensure};
use siegel_client::Sent;
use siegel_domain::{Party, RecordKind};

use crate::ground::Book;
use crate::life::{Death, Life, until};
use crate::line::Cut;
use crate::model::{Fit, Rec, State, Third};
use crate::op::{Author, Size};
use crate::said::Said;
use crate::story::{Story, chosen};

/// Codes with which a record may be refused for want of a zone.
const WANT: [&str; 2] = ["zone-unavailable", "storage-full"];

impl Story<'_> {
    pub(crate) async fn send(
        &mut self,
        life: &mut Life,
        by: Author,
        size: Size,
        thread: bool,
        line: Option<Cut>,
        death: Death,
    ) -> Result<()> {
        if by.sender == 2 && self.model.third[by.tenant] == Third::Waiting {
            return Ok(());
        }
        let threads = &self.model.threads;
        let thread = threads.iter().rposition(|known| thread && known.by == by && !known.gone);
        let at = self.new_rec(by.tenant, Some(by.sender), None, size, thread);
        if size != Size::Tiny {
            std::fs::write(self.file(at), self.model.recs[at].content())?;
        }
        let said = self.transmit(life, at, line, death).await?;
        self.judge_sending(at, said, true).await
    }

    pub(crate) async fn go_on(&mut self, life: &mut Life, pick: u8, death: Death) -> Result<()> {
        let open = |rec: &Rec| rec.size != Size::Tiny && matches!(rec.state, State::Maybe | State::Unfinished);
        let Some(at) = chosen(&self.model.which(open), pick) else { return Ok(()) };
        let said = self.transmit(life, at, None, death).await?;
        self.judge_sending(at, said, false).await
    }

    pub(crate) async fn reply(&mut self, life: &mut Life, pick: u8, line: Option<Cut>, death: Death) -> Result<()> {
        let third = self.model.third;
        let asked = |rec: &Rec| {
            let there = rec.sender.is_some_and(|sender| sender != 2 || third[rec.tenant] == Third::Confirmed);
            rec.state == State::Live && there
        };
        let Some(answered) = chosen(&self.model.which(asked), pick) else { return Ok(()) };
        let rec = self.model.recs[answered].clone();
        let (Some(sender), Some(id)) = (rec.sender, rec.id) else { return Ok(()) };
        let at = self.new_rec(rec.tenant, None, Some(sender), Size::Tiny, None);
        let patient = matches!(line, Some(Cut::Answer { retry: true, .. }));
        let session = life.session(self.place, rec.tenant, None, patient)?;
        let report = session
            .upload_bytes(self.model.recs[at].content(), "report.pdf")
            .title(self.model.recs[at].title())
            .kind(RecordKind::Report)
            .answers(id)
            .to(Party::Sender(self.place.houses[rec.tenant].senders[sender].0));
        self.place.line.arm(line);
        let result = until(self.place, death, report.send()).await;
        let broke = self.place.line.disarm();
        let said = Said::from(result, broke)?;
        if sender == 1 {
            // Whoever does not wish it gets none, whatever else happens.
            self.say(said.word());
            self.model.recs[at].state = State::Refused;
            return match said {
                Said::Refused(code) if code == "report-not-wanted" => Ok(()),
                Said::Unknown => Ok(()),
                other => bail!("expected: report-not-wanted; seen: {}", other.word()),
            };
        }
        self.judge_sending(at, said, true).await
    }

    pub(crate) fn new_rec(
        &mut self,
        tenant: usize,
        sender: Option<usize>,
        to: Option<usize>,
        size: Size,
        thread: Option<usize>,
    ) -> usize {
        let number = self.model.recs.len();
        self.model.recs.push(Rec {
            number,
            tenant,
            sender,
            to,
            size,
            thread,
            id: None,
            state: State::Maybe,
            parts: Vec::new(),
            good: [false; 2],
            due: (0, 0),
            due_if_believed: 0,
            fetched: (0, 0),
        });
        number
    }

    pub(crate) fn file(&self, at: usize) -> std::path::PathBuf {
        self.place.path(format!("file-{at}"))
    }

    /// The sender's part: what the SDK does with a file or bytes.
    pub(crate) async fn transmit(
        &mut self,
        life: &mut Life,
        at: usize,
        line: Option<Cut>,
        death: Death,
    ) -> Result<Said<Sent>> {
        let rec = &self.model.recs[at];
        let patient = matches!(line, Some(Cut::Answer { retry: true, .. }));
        let session = life.session(self.place, rec.tenant, rec.sender, patient)?;
        let file = self.file(at);
        let outgoing = match rec.size {
            Size::Tiny => session.upload_bytes(rec.content(), "ecg.edf"),
            Size::Part | Size::Parts => session.upload(&file),
        };
        let outgoing = outgoing.title(rec.title());
        let outgoing = match rec.thread {
            Some(thread) => outgoing.conversation(self.model.threads[thread].id),
            None => outgoing,
        };
        self.place.line.arm(line);
        let result = until(self.place, death, Box::pin(outgoing.send())).await;
        let broke = self.place.line.disarm();
        Said::from(result, broke)
    }

    pub(crate) async fn judge_sending(&mut self, at: usize, said: Said<Sent>, fresh: bool) -> Result<()> {
        self.say(said.word());
        self.tick();
        let rec = &self.model.recs[at];
        let house = &self.place.houses[rec.tenant];
        let takes = self.model.takes(house.strict);
        let thread_gone = rec.thread.is_some_and(|thread| self.model.threads[thread].gone);
        let removed = rec.sender == Some(2) && self.model.third[rec.tenant] == Third::Removed;
        let due = self.model.due_from_now();
        let believed = due.0 + self.model.off;
        match said {
            Said::Done(sent) => {
                ensure!(!removed, "expected: a removed sender is refused; seen: its record was taken");
                ensure!(!thread_gone, "expected: an erased thread takes no record; seen: it was taken");
                ensure!(!fresh || takes != Fit::No, "expected: refused for want of a zone; seen: acknowledged");
                ensure!(
                    !house.strict || !sent.degraded,
                    "expected: both zones hold a strict institution's record; seen: degraded"
                );
                let twice = self.model.recs.iter().any(|other| other.number != at && other.id == Some(sent.record));
                ensure!(!twice, "expected: a record of its own; seen: {} again", sent.record);
                let mut book = Book::open(self.place, rec.tenant, "upload").await?.context("upload's books")?;
                let parts = book.parts(sent.record).await?;
                book.close().await?;
                ensure!(
                    parts.len() == sent.receipt.parts as usize,
                    "expected: the receipt's number of parts in the books"
                );
                let mut good = [false; 2];
                for (zone, good) in good.iter_mut().enumerate() {
                    *good = sent.receipt.zones.get(zone).is_some_and(|holds| holds.parts == sent.receipt.parts);
                    ensure!(
                        !*good || self.disks.holds(zone, &parts) || !fresh,
                        "expected: zone {zone} holds what the receipt says; seen: it does not"
                    );
                    ensure!(
                        *good || !fresh || self.model.writes(zone) != Fit::Yes,
                        "expected: the healthy zone {zone} holds it; seen: the receipt says it does not"
                    );
                    *good &= self.disks.holds(zone, &parts);
                }
                let rec = &mut self.model.recs[at];
                // If an earlier attempt went through without our knowing, the year began then.
                if rec.due.0 == 0 {
                    (rec.due.0, rec.due_if_believed) = (due.0, believed);
                }
                rec.due.1 = rec.due.1.max(due.1);
                (rec.id, rec.state, rec.parts, rec.good) = (Some(sent.record), State::Live, parts, good);
            }
            Said::Refused(code) => {
                let for_want = WANT.contains(&code.as_str()) && (takes != Fit::Yes || !fresh)
                    // What is known to be damaged waits for repair.
                    || !fresh && code == "damaged"
                    || thread_gone && matches!(code.as_str(), "gone" | "not-found")
                    || removed;
                ensure!(for_want, "expected: taken; seen: refused, {code}");
                let tiny = rec.size == Size::Tiny;
                self.model.recs[at].state = if tiny || removed { State::Refused } else { State::Unfinished };
            }
            Said::Unknown => {
                let rec = &mut self.model.recs[at];
                if rec.due.0 == 0 {
                    (rec.due.0, rec.due_if_believed) = (due.0, believed);
                }
                rec.due.1 = rec.due.1.max(due.1);
                rec.state = State::Maybe;
            }
        }
        Ok(())
    }
}
