//! The model: what must be so, kept as plainly as possible. It knows nothing of databases, leases or repair; it knows what
//! was acknowledged, what was asked to go, which zones can be relied upon, and what time it really is.

use std::ops::RangeInclusive;

use siegel_client::domain::{ConversationId, RecordId};
use siegel_domain::RetentionPolicy;
use siegel_domain::Timestamp;
use siegel_domain::time::{DAY_MS, HOUR_MS};
use siegel_envelope::PartDigest;
use siegel_platform::rng::{Rng as _, SeededRng};
use siegel_platform::zones::faults::Fault;

use crate::op::{Author, Size};

/// Where a record stands, as far as its users know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Refused, and never to be seen.
    Refused,
    /// Its sending broke off before anything was acknowledged: it may be there, once.
    Maybe,
    /// A file whose upload was refused at some step: not there, and may be gone on with.
    Unfinished,
    /// Acknowledged: it is there.
    Live,
    /// Asked to be erased, without an answer, or overdue: it may be there and may go.
    Going,
    /// Asked to be erased with a thread: it may still be there, and is gone in the end.
    Doomed,
    /// Erased, and never to be seen again.
    Gone,
}

/// A record.
#[derive(Debug, Clone)]
pub struct Rec {
    /// Its number; its title, and what its content is made from.
    pub number: usize,
    /// Whose institution.
    pub tenant: usize,
    /// Which sender sent it; none: the owner, as a report to `to`.
    pub sender: Option<usize>,
    /// For a report: the sender it goes to.
    pub to: Option<usize>,
    /// How large.
    pub size: Size,
    /// The thread it belongs to.
    pub thread: Option<usize>,
    /// Its id, once known.
    pub id: Option<RecordId>,
    /// Where it stands.
    pub state: State,
    /// Its parts, once acknowledged.
    pub parts: Vec<PartDigest>,
    /// For each zone, whether it surely holds a good copy and the platform knows it.
    pub good: [bool; 2],
    /// The earliest and latest moment at which it may fall due, by the true time.
    pub due: (i64, i64),
    /// The earliest of them, if it turns out that the wall clock was right all along.
    pub due_if_believed: i64,
    /// How often its recipient fetched it.
    pub fetched: (u32, u32),
}

/// A thread.
#[derive(Debug, Clone)]
pub struct Thread {
    /// Whose.
    pub by: Author,
    /// Its id.
    pub id: ConversationId,
    /// Whether it was asked to go.
    pub gone: bool,
}

/// Whether a zone can be relied upon for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It works.
    Yes,
    /// It does not.
    No,
    /// Now and then.
    Perhaps,
}

/// How far the third sender of an institution has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Third {
    /// Enrolled.
    Waiting,
    /// In the roster.
    Confirmed,
    /// Out of it.
    Removed,
}

/// Everything the model knows.
pub struct Model {
    /// All records that were ever tried.
    pub recs: Vec<Rec>,
    /// All threads.
    pub threads: Vec<Thread>,
    /// What each zone does wrong.
    pub faults: [Fault; 2],
    /// A write of this zone is about to be held back.
    pub held: Option<usize>,
    /// What time it really is.
    pub now: i64,
    /// What time it was when the operation began.
    pub began: i64,
    /// How far the wall clock is off.
    pub off: i64,
    /// Whether the platform may hold its clock for wrong.
    pub doubted: bool,
    /// How much later it is than a process could know that started with a clock set back.
    pub unknown: i64,
    /// When retention may last have looked at every deadline, by the monotonic clock; none in this process.
    pub swept: Option<i64>,
    /// The third senders.
    pub third: [Third; 2],
}

impl Model {
    /// At the beginning.
    pub fn new(now: Timestamp) -> Self {
        Self {
            recs: Vec::new(),
            threads: Vec::new(),
            faults: [Fault::None; 2],
            held: None,
            now: now.0,
            began: now.0,
            off: 0,
            doubted: false,
            unknown: 0,
            swept: None,
            third: [Third::Waiting; 2],
        }
    }

    /// Whether a zone takes writes.
    pub fn writes(&self, zone: usize) -> Fit {
        match self.faults[zone] {
            _ if self.held == Some(zone) => Fit::Perhaps,
            Fault::Down | Fault::ReadOnly | Fault::Full | Fault::LoseAnswers | Fault::LandsLate => Fit::No,
            // Deleting reads, and what reads badly is cut off for writing too.
            Fault::Slow { .. }
            | Fault::Hold
            | Fault::KeepDeleted
            | Fault::Unsettled
            | Fault::Forget
            | Fault::FlipBits => Fit::Perhaps,
            Fault::None => Fit::Yes,
        }
    }

    /// Whether a zone gives back what it holds.
    pub fn reads(&self, zone: usize) -> Fit {
        match self.faults[zone] {
            Fault::Down | Fault::FlipBits | Fault::Forget => Fit::No,
            Fault::Slow { .. } | Fault::Hold => Fit::Perhaps,
            Fault::None
            | Fault::ReadOnly
            | Fault::Full
            | Fault::LoseAnswers
            | Fault::LandsLate
            | Fault::KeepDeleted
            | Fault::Unsettled => Fit::Yes,
        }
    }

    /// Whether both zones do everything.
    pub fn healthy(&self) -> bool {
        self.faults == [Fault::None; 2] && self.held.is_none()
    }

    /// Whether a record for this institution is taken now.
    pub fn takes(&self, strict: bool) -> Fit {
        let fit = [self.writes(0), self.writes(1)];
        match strict {
            true if fit.contains(&Fit::No) => Fit::No,
            true if fit == [Fit::Yes; 2] => Fit::Yes,
            false if fit.contains(&Fit::Yes) => Fit::Yes,
            false if fit == [Fit::No; 2] => Fit::No,
            _ => Fit::Perhaps,
        }
    }

    /// Whether this record's content has to be given to whoever may read it.
    pub fn must_give(&self, at: usize) -> bool {
        (0..2).any(|zone| self.recs[at].good[zone] && self.reads(zone) == Fit::Yes)
    }

    /// Whether a record may be missing because its year is over.
    pub fn overdue(&self, at: usize) -> bool {
        self.now >= self.recs[at].due.0
    }

    /// The wall clock shows this.
    pub fn tick(&mut self, wall: Timestamp) {
        self.now = wall.0 - self.off;
    }

    /// When a record that is fetched or committed now falls due.
    pub fn due_from_now(&self) -> (i64, i64) {
        let due = |at| RetentionPolicy::Unfetched365d.due_after(Timestamp(at)).0;
        (due(self.began - self.unknown), if self.doubted { i64::MAX } else { due(self.now) })
    }

    /// When a record that is touched now at the latest falls due.
    pub fn due_after_now(&self) -> i64 {
        RetentionPolicy::Unfetched365d.due_after(Timestamp(self.now)).0
    }

    /// Retention may look at all deadlines now: it does so after each start, and a day to 25 hours after the last time.
    /// Whether it surely does.
    pub fn sweeps(&mut self, monotonic_ms: i64) -> bool {
        let passed = self.swept.map_or(i64::MAX, |swept| monotonic_ms - swept);
        if passed >= DAY_MS {
            self.swept = Some(monotonic_ms);
        }
        passed >= DAY_MS + HOUR_MS
    }

    /// Retention has heard of everything and looked at all deadlines, by a clock that it believes: whatever was stamped by
    /// one that stood ahead counts from now on at the latest. Before that the latest moment is open, however long it takes:
    /// an event that says "ahead of now" may as well be of the moment before it is heard, and no year is ever too short.
    pub fn heard(&mut self) {
        let latest = self.due_after_now();
        for rec in &mut self.recs {
            rec.due.1 = rec.due.1.min(latest);
        }
    }

    /// A record's year starts anew, surely or perhaps. What was open at its end stays open until retention has heard of it.
    pub fn touch(&mut self, at: usize, surely: bool) {
        let (now, wall) = (self.due_from_now(), self.began + self.off);
        let rec = &mut self.recs[at];
        rec.due.1 = rec.due.1.max(now.1);
        if surely {
            rec.due.0 = now.0;
            rec.due_if_believed = RetentionPolicy::Unfetched365d.due_after(Timestamp(wall)).0;
        }
    }

    /// Somebody read a record while a zone lies about what it holds: the platform may believe it.
    pub fn misled(&mut self, which: Option<usize>) {
        for zone in 0..2 {
            if matches!(self.faults[zone], Fault::FlipBits | Fault::Forget) {
                for rec in self.recs.iter_mut().filter(|rec| which.is_none_or(|which| rec.number == which)) {
                    rec.good[zone] = false;
                }
            }
        }
    }

    /// The wall clock is right, whatever it was thought to be.
    pub fn believe(&mut self) {
        let off = std::mem::take(&mut self.off);
        self.now += off;
        self.began = self.now;
        self.doubted = false;
        for rec in &mut self.recs {
            // Set back: it had been ahead, and with it whatever was stamped before.
            rec.due.0 = if off < 0 { rec.due_if_believed.min(rec.due.0 + off) } else { rec.due_if_believed };
        }
        self.settled();
    }

    /// The wall clock is right, as it was thought to be.
    pub fn settled(&mut self) {
        self.doubted = false;
        for rec in &mut self.recs {
            rec.due_if_believed = rec.due.0;
        }
    }

    /// The numbers of the records that pass.
    pub fn which(&self, passes: impl Fn(&Rec) -> bool) -> Vec<usize> {
        self.recs.iter().filter(|rec| passes(rec)).map(|rec| rec.number).collect()
    }
}

impl Rec {
    /// Its content: different for each record, the same for each run of a seed.
    pub fn content(&self) -> Vec<u8> {
        let length = match self.size {
            Size::Tiny => 40 + (self.number * 977) % 5_000,
            Size::Part => 1_100_000 + self.number,
            Size::Parts => 8 * 1024 * 1024 + 5_000 + self.number,
        };
        let mut content = vec![0; length];
        SeededRng::new(self.number as u64).fill(&mut content);
        content
    }

    /// Its title, by which it is known again.
    pub fn title(&self) -> String {
        format!("record {}", self.number)
    }

    /// How often it may have been fetched.
    pub fn fetches(&self) -> RangeInclusive<u32> {
        self.fetched.0..=self.fetched.1
    }

    /// For people: where it stands.
    pub fn describe(&self) -> String {
        let day = |ms: i64| if ms == i64::MAX { "open end".to_owned() } else { format!("day {}", ms / DAY_MS) };
        let id = self.id.map_or("id unknown".to_owned(), |id| id.to_string());
        format!(
            "record {} ({id}, tenant {}, {:?}, good copies {:?}, due {} to {})",
            self.number,
            self.tenant,
            self.state,
            self.good,
            day(self.due.0),
            day(self.due.1)
        )
    }
}
