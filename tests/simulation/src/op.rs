//! The operations, and how a seed draws a list of them. Each stands for itself: what it is about is chosen modulo what
//! there is when it runs, so that a list with some of them left out still makes sense (`shrink`).

use siegel_domain::time::{DAY_MS, HOUR_MS};
use siegel_platform::zones::faults::Fault;

use crate::dice::Dice;
use crate::line::Cut;

/// A sender of an institution. Institution 0 is `available`, 1 is `strict`; the third sender of each waits to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// Which institution.
    pub tenant: usize,
    /// Which of its senders.
    pub sender: usize,
}

/// How much is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// At most a few KiB, in one request.
    Tiny,
    /// A little more than 1 MiB: opened, one part, committed.
    Part,
    /// Two parts.
    Parts,
}

/// Who does something with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The institution's owner.
    Owner,
    /// Its sender.
    Sender,
    /// Someone of the other institution.
    Foreigner,
    /// Another sender of the same institution.
    Neighbour,
}

/// What becomes of an object on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// A bit of it is another.
    Flip,
    /// It ends early: a write that was torn.
    Torn,
    /// It is not there.
    Lost,
}

/// A step of a story.
#[expect(missing_docs, reason = "fields are named after what they choose: who, which, how long")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A sender sends a record, into its thread or not.
    Send { by: Author, size: Size, thread: bool, line: Option<Cut> },
    /// A sender goes on with a file whose sending broke off.
    GoOn { pick: u8 },
    /// The owner returns a report.
    Reply { pick: u8, line: Option<Cut> },
    /// A sender opens a thread.
    OpenThread { by: Author },
    /// Somebody opens a record and downloads all of it.
    Fetch { pick: u8, by: Who, line: Option<Cut> },
    /// The recipient reads a piece out of the middle.
    Range { pick: u8, from: u16, length: u16 },
    /// The owner looks at everything there is.
    List { tenant: usize },
    /// Somebody erases a record.
    Erase { pick: u8, by: Who, line: Option<Cut> },
    /// The owner erases a thread.
    EraseThread { pick: u8 },
    /// Time passes.
    Pass { ms: i64 },
    /// The wall clock alone jumps.
    Jump { ms: i64 },
    /// Somebody puts the wall clock right and confirms it.
    SetRight,
    /// Somebody confirms the wall clock as it is.
    Believe,
    /// The process stops, and starts days later.
    Rest { days: i64 },
    /// A zone misbehaves from now on.
    Fault { zone: usize, fault: Fault },
    /// A zone is whole again.
    Heal { zone: usize },
    /// What a zone was still writing when it was given up arrives.
    Land { zone: usize },
    /// A disk damages an object, if the other zone has it whole.
    Damage { zone: usize, pick: u8, harm: Harm },
    /// A worker runs a few times.
    Work { worker: u8, runs: u8 },
    /// All workers run until none has anything to do.
    Settle,
    /// The process ends as on SIGTERM and starts again.
    Restart,
    /// The process dies so many turns into an operation.
    Crash { turns: u16, during: Box<Op> },
    /// The process dies while a zone writes, after so many writes.
    CrashInWrite { zone: usize, after: u32, during: Box<Op> },
    /// The owner makes a new epoch.
    Rotate { tenant: usize },
    /// The owner confirms the third sender.
    Confirm { tenant: usize },
    /// The owner removes the third sender.
    Remove { tenant: usize },
}

/// The list of a seed: between 20 and 50 operations.
pub fn draw(seed: u64) -> Vec<Op> {
    let dice = Dice::new(seed);
    let length = 20 + dice.below(31);
    (0..length).map(|_| any(&dice)).collect()
}

fn any(dice: &Dice) -> Op {
    match dice.below(100) {
        0..10 => Op::Crash { turns: dice.below(40) as u16, during: Box::new(hit(dice)) },
        10..14 => {
            let (zone, after) = (dice.below(2) as usize, dice.below(3) as u32);
            Op::CrashInWrite { zone, after, during: Box::new(hit(dice)) }
        }
        14..64 => usual(dice),
        64..80 => faulty(dice),
        80..90 => time(dice),
        _ => rare(dice),
    }
}

/// Something that a crash may interrupt.
fn hit(dice: &Dice) -> Op {
    match dice.below(10) {
        0..4 => send(dice),
        4 => Op::GoOn { pick: dice.pick() },
        5 => Op::Erase { pick: dice.pick(), by: Who::Owner, line: None },
        6 => Op::Fetch { pick: dice.pick(), by: Who::Owner, line: None },
        7 => Op::Reply { pick: dice.pick(), line: None },
        _ => Op::Work { worker: dice.pick(), runs: 3 },
    }
}

fn usual(dice: &Dice) -> Op {
    match dice.below(20) {
        0..6 => send(dice),
        6 => Op::GoOn { pick: dice.pick() },
        7 => Op::Reply { pick: dice.pick(), line: line(dice) },
        8 => Op::OpenThread { by: author(dice) },
        9..12 => {
            let by = dice.one_of(&[Who::Owner, Who::Owner, Who::Sender, Who::Foreigner, Who::Neighbour]);
            Op::Fetch { pick: dice.pick(), by, line: line(dice) }
        }
        12 => Op::Range { pick: dice.pick(), from: dice.below(65_536) as u16, length: dice.below(5_000) as u16 },
        13 => Op::List { tenant: dice.below(2) as usize },
        14 => {
            let by = dice.one_of(&[Who::Owner, Who::Sender, Who::Foreigner, Who::Neighbour]);
            Op::Erase { pick: dice.pick(), by, line: line(dice) }
        }
        15..19 => Op::Work { worker: dice.pick(), runs: 1 + dice.below(3) as u8 },
        _ => Op::Settle,
    }
}

fn faulty(dice: &Dice) -> Op {
    let zone = dice.below(2) as usize;
    let faults = [
        Fault::Down,
        Fault::ReadOnly,
        Fault::Full,
        Fault::Slow { ms: 5_000 },
        Fault::LoseAnswers,
        Fault::LandsLate,
        Fault::FlipBits,
        Fault::Forget,
        Fault::KeepDeleted,
    ];
    match dice.below(10) {
        0..4 => Op::Fault { zone, fault: dice.one_of(&faults) },
        4..7 => Op::Heal { zone },
        7 => Op::Land { zone },
        _ => Op::Damage { zone, pick: dice.pick(), harm: dice.one_of(&[Harm::Flip, Harm::Torn, Harm::Lost]) },
    }
}

fn time(dice: &Dice) -> Op {
    match dice.below(10) {
        0..2 => Op::Pass { ms: (1 + dice.below(20) as i64) * HOUR_MS },
        2..4 => Op::Pass { ms: (1 + dice.below(90) as i64) * DAY_MS },
        4 => Op::Pass { ms: 364 * DAY_MS },
        5 => Op::Jump {
            ms: dice.one_of(&[-HOUR_MS, -30 * DAY_MS, -700 * DAY_MS, 3 * DAY_MS, 400 * DAY_MS, 800 * DAY_MS]),
        },
        6 => Op::Rest { days: 2 + dice.below(60) as i64 },
        7..9 => Op::SetRight,
        _ => Op::Believe,
    }
}

fn rare(dice: &Dice) -> Op {
    match dice.below(10) {
        0..4 => Op::Restart,
        4 | 5 => Op::Rotate { tenant: dice.below(2) as usize },
        6 | 7 => Op::Confirm { tenant: dice.below(2) as usize },
        8 => Op::Remove { tenant: dice.below(2) as usize },
        _ => Op::EraseThread { pick: dice.pick() },
    }
}

fn send(dice: &Dice) -> Op {
    // Large records take most of the time: one in thirty has two parts.
    let size = match dice.below(30) {
        0 => Size::Parts,
        1..8 => Size::Part,
        _ => Size::Tiny,
    };
    Op::Send { by: author(dice), size, thread: dice.chance(25), line: line(dice) }
}

fn author(dice: &Dice) -> Author {
    Author { tenant: dice.below(2) as usize, sender: dice.one_of(&[0, 0, 0, 1, 1, 2]) }
}

fn line(dice: &Dice) -> Option<Cut> {
    let skip = dice.below(3) as u8;
    match dice.below(12) {
        0 => Some(Cut::Answer { skip, retry: true }),
        1 => Some(Cut::Answer { skip, retry: false }),
        2 => Some(Cut::Request { skip, after: dice.below(1_500_000) as u32 }),
        _ => None,
    }
}
