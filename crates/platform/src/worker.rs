//! Background work. A worker does what is due and says how much it did; the loop around it decides when to ask again:
//! at once while there is more, when woken, or after a jittered interval. Tests and the seeded harness call
//! [`Worker::run_once`] themselves and need no loop.

use std::error::Error as StdError;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::clock::SharedClock;
use crate::metrics::Metrics;
use crate::rng::Rng;
use crate::tasks::{Shutdown, Tasks};

/// Any error of a worker's run: logged by the loop, which then waits for its next turn.
pub type RunError = Box<dyn StdError + Send + Sync>;
type RunOnce = Arc<dyn Fn() -> BoxFuture<'static, Result<usize, RunError>> + Send + Sync>;

/// After failures the interval doubles up to this.
const SLOWEST_MS: i64 = 5 * 60 * 1_000;

/// A piece of background work of a service.
#[derive(Clone)]
pub struct Worker {
    name: &'static str,
    every_ms: i64,
    wake: Arc<Notify>,
    run: RunOnce,
}

impl Worker {
    /// Work that `run` does, at most a bounded batch at a time; it returns the number of things done, zero when there is
    /// nothing left to do. It is asked at least every `every_ms` milliseconds (± 20 %).
    ///
    /// ```ignore
    /// Worker::new("upload.sweep", 60_000, {
    ///     let app = app.clone();
    ///     move || { let app = app.clone(); async move { sweep::run_once(&app).await } }
    /// })
    /// ```
    pub fn new<F, Fut, E>(name: &'static str, every_ms: i64, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<usize, E>> + Send + 'static,
        E: Into<RunError>,
    {
        let run: RunOnce = Arc::new(move || {
            let running = run();
            Box::pin(async move { running.await.map_err(Into::into) })
        });
        Self { name, every_ms, wake: Arc::new(Notify::new()), run }
    }

    /// Lets `wake` wake it too, instead of its own [`Worker::waker`].
    pub fn woken_by(mut self, wake: Arc<Notify>) -> Self {
        self.wake = wake;
        self
    }

    /// The worker's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `notify_one` on this asks the worker to look at once. A call while it works is not lost.
    pub fn waker(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// Does what is due now, one batch.
    pub async fn run_once(&self) -> Result<usize, RunError> {
        (self.run)().await
    }

    /// Runs until shutdown. A run that has begun is finished.
    pub fn spawn(self, env: WorkerEnv, tasks: &Tasks) {
        let name = self.name;
        tasks.spawn(name, async move { self.work(env).await });
    }

    async fn work(self, env: WorkerEnv) {
        let mut failures = 0;
        while !env.shutdown.begun() {
            let wait_ms = match self.run_once().await {
                Ok(items) => {
                    env.metrics.worker_ran(self.name, Some(items as u64));
                    failures = 0;
                    if items > 0 { 0 } else { self.every_ms }
                }
                Err(error) => {
                    env.metrics.worker_ran(self.name, None);
                    tracing::error!(worker.name = self.name, error = %causes(&*error), "a worker's run failed");
                    failures += 1;
                    self.every_ms.saturating_mul(1 << failures.min(16)).min(SLOWEST_MS.max(self.every_ms))
                }
            };
            if wait_ms == 0 {
                tokio::task::yield_now().await; // others get their turn between two batches
                continue;
            }
            let jittered = wait_ms - wait_ms / 5 + env.rng.below(2 * (wait_ms / 5) + 1);
            tokio::select! {
                () = env.clock.sleep(jittered) => {}
                () = self.wake.notified() => {}
                () = env.shutdown.wait() => {}
            }
        }
    }
}

/// What the loop around a worker needs.
#[derive(Clone)]
pub struct WorkerEnv {
    /// Waits between runs.
    pub clock: SharedClock,
    /// Jitter.
    pub rng: Arc<dyn Rng>,
    /// Counts runs.
    pub metrics: Arc<Metrics>,
    /// When to stop.
    pub shutdown: Shutdown,
}

/// An error and what lies behind it, in one line.
pub fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
