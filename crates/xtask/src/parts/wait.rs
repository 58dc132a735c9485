//! Waiting for a condition, with an end: parts take real time to come up.

use std::time::Duration;

use crate::work::Stopwatch;

/// Between two looks: short beside what a person notices, long beside what a look costs.
const PAUSE: Duration = Duration::from_millis(150);

/// How long a condition is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Patience(Duration);

impl Patience {
    pub(crate) const fn of(time: Duration) -> Self {
        Self(time)
    }

    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

/// It did not come.
#[derive(Debug)]
pub(crate) struct Gone {
    /// What it depends on ended; otherwise time ran out.
    pub(crate) ended: bool,
}

/// Looks again and again until `ready` answers; gives up when time is over or `alive` says no.
pub(crate) fn until<T>(
    Patience(patience): Patience,
    alive: impl Fn() -> bool,
    mut ready: impl FnMut() -> Option<T>,
) -> Result<T, Gone> {
    let watch = Stopwatch::start();
    loop {
        if let Some(answer) = ready() {
            return Ok(answer);
        }
        if !alive() {
            return Err(Gone { ended: true });
        }
        if watch.elapsed() > patience {
            return Err(Gone { ended: false });
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where xtask sleeps: it waits for other programs")]
fn pause() {
    std::thread::sleep(PAUSE);
}
