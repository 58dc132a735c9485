//! `siegel-admin clock`: whether records may expire by the machine's clock (F15).

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;
use siegel_domain::Timestamp;
use siegel_platform::clock::guard::MARK_FILE;
use siegel_platform::clock::{ClockGuard, ClockState, SharedClock, SystemClock};
#[cfg(feature = "real")]
use siegel_platform::host::PartsChoice;

use crate::args::{Args, Clock};
use crate::place::Place;
use crate::words::{duration, moment};

#[derive(Serialize)]
struct Shown {
    now_ms: i64,
    mark_ms: Option<i64>,
    held: bool,
    off_by_ms: Option<i64>,
    /// What the clocks of the parts say, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other>,
}

/// Another clock, to compare the machine's with.
#[derive(Serialize)]
struct Other {
    who: String,
    ahead_ms: i64,
    within_ms: i64,
    #[serde(skip)]
    words: String,
}

/// Does what was asked for.
pub async fn run(out: &mut impl Write, args: &Args, place: &Place, command: &Clock) -> Result<ExitCode> {
    place.require_started()?;
    let others = others(place).await;
    let (path, clock) = (place.file(MARK_FILE), SystemClock::shared());
    match command {
        Clock::Status => {}
        Clock::Confirm => {
            ClockGuard::confirm(&path, &clock)?;
        }
    }
    let mark = ClockGuard::peek(&path)?;
    let off_by_ms = mark.and_then(|(_, state)| off_by(state));
    if args.json {
        let mark_ms = mark.map(|(written, _)| written.0);
        let shown = Shown { now_ms: clock.now().0, mark_ms, held: off_by_ms.is_some(), off_by_ms, others };
        serde_json::to_writer_pretty(&mut *out, &shown)?;
        writeln!(out)?;
    } else {
        for other in &others {
            writeln!(out, "The clock of {} is {}", other.who, other.words)?;
        }
        tell(out, &clock, *command, mark, off_by_ms)?;
    }
    Ok(if off_by_ms.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The clocks of the parts, if a file names them: the machine's own can't be judged by itself.
#[cfg(feature = "real")]
async fn others(place: &Place) -> Vec<Other> {
    let PartsChoice::File(file) = &place.config.parts else { return Vec::new() };
    let told = crate::doctor::parts::clocks(file).await;
    told.into_iter()
        .map(|told| {
            let words = told.words();
            Other { who: told.who, ahead_ms: told.skew.ahead_ms, within_ms: told.skew.within_ms, words }
        })
        .collect()
}

#[cfg(not(feature = "real"))]
async fn others(_: &Place) -> Vec<Other> {
    Vec::new()
}

fn tell(
    out: &mut impl Write,
    clock: &SharedClock,
    command: Clock,
    mark: Option<(Timestamp, ClockState)>,
    off_by_ms: Option<i64>,
) -> std::io::Result<()> {
    writeln!(out, "The machine's clock says  {}", moment(clock.now()))?;
    match mark {
        Some((written, _)) => writeln!(out, "It was last believed at   {}", moment(written))?,
        None => writeln!(out, "The server has not looked at it yet.")?,
    }
    match (off_by_ms, command) {
        (Some(off_by_ms), _) => {
            let way = if off_by_ms < 0 { "behind" } else { "ahead of" };
            writeln!(out, "HELD: it was {} {way} where it should have been. Nothing expires.", duration(off_by_ms))?;
            writeln!(out, "Compare it with another clock, mend it if it is wrong, then: siegel-admin clock confirm")
        }
        (None, Clock::Confirm) => {
            writeln!(out, "Confirmed. A server that is running lets records expire again within a minute.")
        }
        (None, Clock::Status) => writeln!(out, "It is believed: records expire by it."),
    }
}

/// How far off the clock was, if it is not believed.
pub(crate) fn off_by(state: ClockState) -> Option<i64> {
    match state {
        ClockState::Trusted => None,
        ClockState::Held { off_by_ms } => Some(off_by_ms),
    }
}
