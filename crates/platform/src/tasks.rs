//! Every task has a name, is counted, and ends when the process stops. A lost task would outlive shutdown and swallow
//! its panic; here a panic is counted, logged without its text (it may hold anything) and seen in readiness.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, within};
use crate::telemetry;

/// Says when to stop. Clones share the same decision.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Nobody has asked to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything to stop.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Whether stopping was asked for.
    pub fn begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Completes when stopping is asked for.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// Asks everything to stop when it is dropped.
    pub fn guard(&self) -> ShutdownGuard {
        ShutdownGuard(self.0.clone().drop_guard())
    }

    /// One that is stopped with this one, and can be stopped alone.
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Completes at SIGTERM, SIGINT or ctrl-c.
    pub async fn signal() -> std::io::Result<()> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            Ok(())
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    }
}

/// Asks everything to stop when it is dropped.
#[derive(Debug)]
pub struct ShutdownGuard(#[expect(dead_code, reason = "held, and never asked")] DropGuard);

/// The tasks of a process. Clones share the same set.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    tracker: TaskTracker,
    running: Mutex<BTreeMap<u64, &'static str>>,
    next: AtomicU64,
    panics: AtomicU64,
}

impl Tasks {
    /// No task yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` until it ends, in the trace of who asks for it. It has to watch a [`Shutdown`] itself, so that it stops
    /// where it is safe to.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.running().insert(number, name);
        let entry = Entry { tasks: self.clone(), number };
        let future = telemetry::carried(future);
        let work = async move {
            let entry = entry; // dropped when the task ends or is aborted
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(value) => Some(value),
                Err(panic) => {
                    entry.tasks.0.panics.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(task.name = name, panic.bytes = panic_len(&*panic), "a task panicked");
                    None
                }
            }
        };
        tokio::spawn(self.0.tracker.track_future(work))
    }

    /// How many tasks panicked. Tests assert that it is zero at the end.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// The names of the tasks that run, one entry each.
    pub fn running_names(&self) -> Vec<&'static str> {
        self.running().values().copied().collect()
    }

    /// Waits until every task has ended, at most `deadline_ms`. The names of those that did not end are the error; they
    /// are dropped with the runtime.
    pub async fn drain(&self, clock: &dyn Clock, deadline_ms: i64) -> Result<(), Vec<&'static str>> {
        self.0.tracker.close();
        match within(clock, deadline_ms, self.0.tracker.wait()).await {
            Some(()) => Ok(()),
            None => Err(self.running_names()),
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<u64, &'static str>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Entry {
    tasks: Tasks,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.tasks.running().remove(&self.number);
    }
}

/// The length of a panic's text: enough to tell two apart, nothing of what it says.
fn panic_len(panic: &(dyn Any + Send)) -> usize {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use siegel_domain::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn a_panic_is_counted_and_harms_no_other_task() {
        let (tasks, clock) = (Tasks::new(), ManualClock::new(Timestamp(0)));
        tasks.spawn("bad", async { panic!("a secret") });
        let good = tasks.spawn("good", async { 7 });
        assert_eq!(good.await.unwrap(), Some(7));
        tasks.drain(&clock, 1_000).await.unwrap();
        assert_eq!(tasks.panics(), 1);
        assert!(tasks.running_names().is_empty());
    }

    #[tokio::test]
    async fn what_does_not_stop_is_named() {
        let (tasks, clock) = (Tasks::new(), ManualClock::new(Timestamp(0)));
        tasks.spawn("stubborn", std::future::pending::<()>());
        let drain = tasks.drain(&clock, 1_000);
        let mut drain = std::pin::pin!(drain);
        assert!(futures::poll!(&mut drain).is_pending());
        clock.advance_ms(1_000);
        assert_eq!(drain.await, Err(vec!["stubborn"]));
    }
}
