//! Opening, downloading, listing: what has to be there, what may be, and what must not.

use anyhow::{Context as _, Result, bail, ensure};
use siegel_api::records::RecordQuery;
use siegel_client::{Meter, Overwrite, Record, Session};

use crate::ground::Book;
use crate::life::{Death, Life, until};
use crate::line::Cut;
use crate::model::State;
use crate::op::Who;
use crate::said::Said;
use crate::story::{Story, chosen};

impl Story<'_> {
    /// The session of a record's recipient.
    pub(crate) fn recipient(&self, life: &mut Life, at: usize, patient: bool) -> Result<Session> {
        let rec = &self.model.recs[at];
        life.session(self.place, rec.tenant, rec.to, patient)
    }

    /// Somebody to whom a record is none of their business.
    pub(crate) fn stranger(&self, life: &mut Life, at: usize, who: Who) -> Result<Session> {
        let rec = &self.model.recs[at];
        if who == Who::Foreigner {
            return life.owner(self.place, 1 - rec.tenant);
        }
        let neighbour = if rec.sender.or(rec.to) == Some(0) { 1 } else { 0 };
        life.session(self.place, rec.tenant, Some(neighbour), false)
    }

    pub(crate) async fn fetch(
        &mut self,
        life: &mut Life,
        pick: u8,
        who: Who,
        line: Option<Cut>,
        death: Death,
    ) -> Result<()> {
        let Some(at) = chosen(&self.model.which(|rec| rec.id.is_some()), pick) else { return Ok(()) };
        let Some(id) = self.model.recs[at].id else { return Ok(()) };
        if matches!(who, Who::Foreigner | Who::Neighbour) {
            let seen = Said::from(Some(self.stranger(life, at, who)?.open_record(id).await), false)?;
            self.say(format!("record {at}, {}", seen.word()));
            ensure!(
                matches!(&seen, Said::Refused(code) if code == "not-found"),
                "expected: not-found for a stranger; seen: {}",
                seen.word()
            );
            return Ok(());
        }
        let patient = matches!(line, Some(Cut::Answer { retry: true, .. }));
        let session = self.recipient(life, at, patient)?;
        let opened = match until(self.place, death, session.open_record(id)).await {
            Some(result) => Said::from(Some(result), false)?,
            None => return Ok(()),
        };
        self.say(format!("record {at}, {}", opened.word()));
        let Some(opened) = self.judge_opening(at, opened)? else { return Ok(()) };
        let fetched = opened.record.fetched;
        let rec = &self.model.recs[at];
        ensure!(rec.fetches().contains(&fetched), "expected: fetched {:?} times; seen: {fetched}", rec.fetches());
        let must = self.model.must_give(at);
        let target = self.place.path("fetched");
        self.place.line.arm(line);
        let meter = Meter::default();
        let result = until(self.place, death, opened.save(&target, Overwrite::Yes, &meter)).await;
        let broke = self.place.line.disarm();
        // A zone that rots in the middle breaks the download off.
        let said = Said::from(result, broke || !must)?;
        self.say(said.word());
        self.tick();
        self.model.misled(Some(at));
        match said {
            Said::Done(()) => {
                let content = std::fs::read(&target)?;
                ensure!(
                    content == self.model.recs[at].content(),
                    "expected: what was sent; seen: {} other bytes",
                    content.len()
                );
                self.model.touch(at, true);
                let rec = &mut self.model.recs[at];
                rec.fetched = (rec.fetched.0 + 1, rec.fetched.1 + 1);
            }
            Said::Refused(code) => {
                ensure!(!must, "expected: the record; seen: refused, {code}");
                ensure!(
                    matches!(code.as_str(), "zone-unavailable" | "damaged"),
                    "expected: a zone's failure; seen: {code}"
                );
            }
            Said::Unknown => {
                self.model.touch(at, false);
                self.model.recs[at].fetched.1 += 1;
            }
        }
        Ok(())
    }

    /// Whether a record may be opened, or not, as the model has it.
    pub(crate) fn judge_opening<T>(&mut self, at: usize, said: Said<T>) -> Result<Option<T>> {
        self.tick();
        let rec = &self.model.recs[at];
        let overdue = self.model.overdue(at);
        match said {
            Said::Done(value) => {
                ensure!(rec.state != State::Gone, "expected: erased for good; seen: it opens: {}", rec.describe());
                Ok(Some(value))
            }
            Said::Refused(code) => {
                ensure!(matches!(code.as_str(), "gone" | "not-found"), "expected: the record or gone; seen: {code}");
                let may = matches!(rec.state, State::Gone | State::Going | State::Doomed) || overdue;
                ensure!(may, "expected: it is there; seen: {code}: {}", rec.describe());
                self.model.recs[at].state = State::Gone;
                Ok(None)
            }
            Said::Unknown => bail!("expected: an answer; seen: none"),
        }
    }

    pub(crate) async fn range(&mut self, life: &mut Life, pick: u8, from: u16, length: u16) -> Result<()> {
        let Some(at) = chosen(&self.model.which(|rec| rec.state == State::Live), pick) else { return Ok(()) };
        let Some(id) = self.model.recs[at].id else { return Ok(()) };
        let opened = Said::from(Some(self.recipient(life, at, false)?.open_record(id).await), false)?;
        let Some(opened) = self.judge_opening(at, opened)? else { return Ok(()) };
        let content = self.model.recs[at].content();
        let from = usize::from(from) * 131 % content.len();
        let to = (from + 1 + usize::from(length)).min(content.len());
        let must = self.model.must_give(at);
        let result = opened.range(from as u64..to as u64, &Meter::default()).await;
        self.model.misled(Some(at));
        let said = Said::from(Some(result), !must)?;
        self.say(format!("record {at}, {from}..{to}, {}", said.word()));
        match said {
            Said::Done(bytes) => ensure!(bytes == content[from..to], "expected: the piece; seen: other bytes"),
            Said::Refused(code) => ensure!(!must, "expected: the piece; seen: refused, {code}"),
            Said::Unknown => {}
        }
        Ok(())
    }

    /// Everything the owner sees, and what it says about records whose sending broke off.
    pub(crate) async fn list(&mut self, life: &mut Life, tenant: usize) -> Result<()> {
        let owner = life.owner(self.place, tenant)?;
        let mut listed: Vec<Record> = Vec::new();
        for mailbox in ["inbox", "sent"] {
            let mut query = RecordQuery { mailbox: Some(mailbox.to_owned()), page_size: Some(7), ..Default::default() };
            loop {
                let page = owner.records(&query).await.context("the list")?;
                listed.extend(page.items);
                query.page_token = page.next_page_token;
                if query.page_token.is_none() {
                    break;
                }
            }
        }
        self.say(format!("{} records", listed.len()));
        for record in &listed {
            let known = self.model.recs.iter().position(|rec| rec.id == Some(record.id));
            match known {
                Some(at) => {
                    let state = self.model.recs[at].state;
                    ensure!(
                        state != State::Gone,
                        "expected: gone; seen in the list: {}",
                        self.model.recs[at].describe()
                    );
                }
                None => self.recognise(life, tenant, record).await?,
            }
        }
        let mut ids: Vec<_> = listed.iter().map(|record| record.id.to_string()).collect();
        ids.sort();
        let all = ids.len();
        ids.dedup();
        ensure!(ids.len() == all, "expected: each record once in the list; seen: one twice");
        for at in self.model.which(|rec| rec.tenant == tenant && rec.state == State::Live) {
            let rec = &self.model.recs[at];
            let there = listed.iter().any(|record| Some(record.id) == rec.id);
            ensure!(there || self.model.overdue(at), "expected in the list: {}; seen: it is not there", rec.describe());
        }
        Ok(())
    }

    /// A record whose id nobody was told: it has to be one whose sending broke off.
    pub(crate) async fn recognise(&mut self, life: &mut Life, tenant: usize, record: &Record) -> Result<()> {
        // A report opens for its recipient only; its author is known by what it answers.
        let mut title = None;
        for sender in [None, Some(0), Some(1), Some(2)] {
            let session = life.session(self.place, tenant, sender, false)?;
            if let Ok(opened) = session.open_record(record.id).await {
                title = opened.metadata.title.map(|title| title.to_string());
                break;
            }
        }
        let title = title.with_context(|| format!("expected: {} opens for somebody; seen: for nobody", record.id))?;
        let at = self.model.recs.iter().position(|rec| rec.title() == title).context("a record of this story")?;
        let mut book = Book::open(self.place, tenant, "upload").await?.context("upload's books")?;
        let parts = book.parts(record.id).await?;
        book.close().await?;
        let rec = &mut self.model.recs[at];
        ensure!(rec.tenant == tenant, "expected: records of this institution; seen: {}", rec.describe());
        ensure!(
            rec.state == State::Maybe && rec.id.is_none(),
            "expected: one record for each that was sent; seen: {} beside {}",
            record.id,
            rec.describe()
        );
        let doomed = rec.thread.is_some_and(|thread| self.model.threads[thread].gone);
        (rec.id, rec.parts) = (Some(record.id), parts);
        rec.state = if doomed { State::Doomed } else { State::Live };
        Ok(())
    }
}
