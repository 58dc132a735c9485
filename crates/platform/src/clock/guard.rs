//! Whether the wall clock may be believed. A record is erased for good when it falls due, so a clock that jumps must
//! stop expiry rather than delete a year's records (FAULTS F15): the guard compares how far the wall clock moved with
//! how far the monotonic clock moved, in this process and, by a mark on disk, across restarts.
//!
//! Held means: nothing expires, `/health/ready` and a gauge say so, until `siegel-admin clock confirm` says that the
//! wall clock is right. While held the mark is not moved, so a restart does not forget.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use siegel_domain::Timestamp;
use siegel_domain::time::{DAY_MS, SECOND_MS};

use super::SharedClock;
use crate::files;

/// The name of the mark in the state directory.
pub const MARK_FILE: &str = "clock.mark";
/// Further backward than this against the monotonic clock and expiry is held.
pub const BACKWARD_MS: i64 = 5 * SECOND_MS;
/// Further forward than this and expiry is held.
pub const FORWARD_MS: i64 = DAY_MS;
/// The mark on disk is written anew when it is older than this: each write is synced.
const MARK_EVERY_MS: i64 = 30 * SECOND_MS;

/// Why the mark can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ClockGuardError {
    /// The file system said no.
    #[error("the clock's mark {path} can't be read or written: {source}", path = path.display())]
    Io {
        /// The mark's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error(
        "{path} is not a clock mark. If the machine's clock is right, run `siegel-admin clock confirm`: it writes a new one",
        path = path.display()
    )]
    NotAMark {
        /// The mark's file.
        path: PathBuf,
    },
}

/// What the guard thinks of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Expiry may go by the wall clock.
    Trusted,
    /// Expiry is held: the wall clock is this far from where it should be (negative: behind).
    Held {
        /// Wall clock minus expected wall clock, in milliseconds.
        off_by_ms: i64,
    },
}

/// The mark on disk. `held_off_by_ms` keeps a hold across restarts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    wall_ms: i64,
    #[serde(default)]
    held_off_by_ms: Option<i64>,
    /// The latest that it may be, as far as was seen; written while held, so that a restart knows it.
    #[serde(default)]
    latest_ms: i64,
    /// How often someone confirmed; a running server notices by it that its hold was released.
    #[serde(default)]
    confirmations: u64,
}

/// Watches the wall clock against the monotonic one.
pub struct ClockGuard {
    path: PathBuf,
    clock: SharedClock,
    inner: Mutex<Inner>,
}

/// `base` and `monotonic_ms` belong together and stay for the life of the process (or until someone confirms), so that
/// many small jumps add up instead of each being forgiven. `mark` is what lies on disk.
struct Inner {
    base: Timestamp,
    monotonic_ms: i64,
    /// The latest that it may be at `checked_ms` of the monotonic clock, when the clocks were last compared.
    latest: Timestamp,
    checked_ms: i64,
    mark: Mark,
}

impl ClockGuard {
    /// Reads the mark at `path`, or makes the first one. Between two runs no monotonic clock counts, so only a wall clock
    /// that stands before the mark, or more than a day after it, is held. A platform that rested longer than a day
    /// (a holiday, a restore) therefore starts held: someone has to look at the clock once before a year is believed.
    pub fn open(path: &Path, clock: SharedClock) -> Result<Self, ClockGuardError> {
        let alone = lock(path)?;
        let now = clock.now();
        let mark = match read(path)? {
            Some(mark) => mark,
            None => {
                let mark = Mark { wall_ms: now.0, held_off_by_ms: None, latest_ms: 0, confirmations: 0 };
                write(path, &mark)?;
                mark
            }
        };
        let (base, monotonic_ms) = (Timestamp(mark.wall_ms), clock.monotonic_ms());
        let latest = Timestamp(mark.wall_ms.max(mark.latest_ms));
        let inner = Mutex::new(Inner { base, monotonic_ms, latest, checked_ms: monotonic_ms, mark });
        let guard = Self { path: path.to_owned(), clock, inner };
        drop(alone);
        guard.check()?;
        Ok(guard)
    }

    /// Compares the clocks now and says what to think. Call it before each batch of expiries and at least every minute,
    /// so that the mark stays fresh.
    pub fn check(&self) -> Result<ClockState, ClockGuardError> {
        let mut inner = self.lock();
        let (now, monotonic_ms) = (self.clock.now(), self.clock.monotonic_ms());
        if let Some(on_disk) = read(&self.path)? {
            if on_disk.confirmations != inner.mark.confirmations {
                // `siegel-admin clock confirm` ran beside us: what the wall clock says is the new base, if it still says
                // what was confirmed, and has moved on by no more than what has passed since we last looked.
                let passed_ms = monotonic_ms - inner.checked_ms;
                let off_by_ms = now.0.saturating_sub(on_disk.wall_ms);
                let confirmed = Timestamp(on_disk.wall_ms);
                let (base, latest) = if (-BACKWARD_MS..=passed_ms.saturating_add(FORWARD_MS)).contains(&off_by_ms) {
                    (now, now)
                } else {
                    (confirmed, confirmed.plus_ms(passed_ms)) // confirmed when we last looked, at the earliest
                };
                *inner = Inner { base, monotonic_ms, latest, checked_ms: monotonic_ms, mark: on_disk };
            } else if on_disk.held_off_by_ms.is_some() {
                inner.mark = on_disk; // another process on this directory saw the jump first
            }
        }
        inner.latest = now.max(inner.latest.plus_ms(monotonic_ms - inner.checked_ms));
        inner.checked_ms = monotonic_ms;
        if let Some(off_by_ms) = inner.mark.held_off_by_ms {
            if inner.latest.0 - inner.mark.latest_ms >= MARK_EVERY_MS {
                let latest_ms = inner.latest.0;
                self.mark(&mut inner, |mark| Mark { latest_ms: mark.latest_ms.max(latest_ms), ..mark })?;
            }
            return Ok(ClockState::Held { off_by_ms });
        }
        let expected = inner.base.plus_ms(monotonic_ms - inner.monotonic_ms);
        let off_by_ms = now.ms_since(expected);
        if !(-BACKWARD_MS..=FORWARD_MS).contains(&off_by_ms) {
            let latest_ms = inner.latest.0;
            self.mark(&mut inner, |mark| Mark {
                held_off_by_ms: mark.held_off_by_ms.or(Some(off_by_ms)),
                latest_ms: mark.latest_ms.max(latest_ms),
                ..mark
            })?;
            tracing::error!(
                clock.off_by_ms = off_by_ms,
                "the wall clock jumped: nothing expires until `siegel-admin clock confirm`"
            );
            return Ok(ClockState::Held { off_by_ms });
        }
        if now.0 - inner.mark.wall_ms >= MARK_EVERY_MS {
            // While it is held, by whomever, the mark is not moved.
            self.mark(&mut inner, |mark| match mark.held_off_by_ms {
                None => Mark { wall_ms: mark.wall_ms.max(now.0), ..mark },
                Some(_) => mark,
            })?;
        }
        inner.latest = now;
        Ok(ClockState::Trusted)
    }

    /// Changes what is on disk by now, which another process on this directory may have written, and takes it over. A
    /// confirmation that came meanwhile is left for the next check, which begins anew with it.
    fn mark(&self, inner: &mut Inner, change: impl FnOnce(Mark) -> Mark) -> Result<(), ClockGuardError> {
        let _alone = lock(&self.path)?;
        let on_disk = read(&self.path)?.unwrap_or(inner.mark);
        if on_disk.confirmations == inner.mark.confirmations {
            let changed = change(on_disk);
            write(&self.path, &changed)?;
            inner.mark = changed;
        }
        Ok(())
    }

    /// The latest that it may be now: the wall clock's time while that is believed; while it is held, the latest that it
    /// ever showed, and what has passed since. For events that a deadline is computed from: only whoever writes one knows
    /// what the clock was worth at that moment. (A mark that can't be read is told by those who delete by it.)
    pub fn latest(&self) -> Timestamp {
        let _ = self.check();
        let inner = self.lock();
        self.clock.now().max(inner.latest.plus_ms(self.clock.monotonic_ms() - inner.checked_ms))
    }

    /// The latest that the mark at `path` knows of: the least that a process which starts now can know. Zero before the
    /// first start.
    pub fn latest_on_disk(path: &Path) -> Result<Timestamp, ClockGuardError> {
        Ok(Timestamp(read(path)?.map_or(0, |mark| mark.wall_ms.max(mark.latest_ms))))
    }

    /// What the mark at `path` says, without comparing or writing anything: when it was written, and how far off the wall
    /// clock was if expiry is held. None before the first start.
    pub fn peek(path: &Path) -> Result<Option<(Timestamp, ClockState)>, ClockGuardError> {
        let state =
            |mark: &Mark| mark.held_off_by_ms.map_or(ClockState::Trusted, |off_by_ms| ClockState::Held { off_by_ms });
        Ok(read(path)?.map(|mark| (Timestamp(mark.wall_ms), state(&mark))))
    }

    /// Someone looked: the wall clock is right. Writes a new mark and releases a hold, in this process at once and in a
    /// server that runs beside it at its next check. `siegel-admin clock confirm` calls this.
    pub fn confirm(path: &Path, clock: &SharedClock) -> Result<Timestamp, ClockGuardError> {
        let _alone = lock(path)?;
        // A damaged mark is replaced: confirming is the way out of it.
        let before = read(path).ok().flatten().map_or(0, |mark| mark.confirmations);
        let now = clock.now();
        write(path, &Mark { wall_ms: now.0, held_off_by_ms: None, latest_ms: 0, confirmations: before + 1 })?;
        Ok(now)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Result<Option<Mark>, ClockGuardError> {
    match std::fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|_| ClockGuardError::NotAMark { path: path.to_owned() })
        }
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ClockGuardError::Io { path: path.to_owned(), source }),
    }
}

/// Upload and retention each watch the clock, perhaps as processes of their own, and `siegel-admin` confirms it: one of
/// them writes at a time.
fn lock(path: &Path) -> Result<File, ClockGuardError> {
    let lock = path.with_extension("lock");
    files::lock(&lock).map_err(|source| ClockGuardError::Io { path: lock, source })
}

fn write(path: &Path, mark: &Mark) -> Result<(), ClockGuardError> {
    let io = |source| ClockGuardError::Io { path: path.to_owned(), source };
    let bytes = serde_json::to_vec(mark).map_err(|error| io(std::io::Error::other(error)))?;
    files::replace(path, &bytes, files::Visibility::Private).map_err(io)
}
