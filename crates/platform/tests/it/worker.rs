//! The loop around background work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use siegel_domain::Timestamp;
use siegel_platform::clock::ManualClock;
use siegel_platform::metrics::Metrics;
use siegel_platform::rng::SeededRng;
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::worker::{Worker, WorkerEnv};
use tokio::sync::watch;

const EVERY_MS: i64 = 60_000;

struct Case {
    clock: ManualClock,
    env: WorkerEnv,
    tasks: Tasks,
    runs: watch::Receiver<usize>,
    due: Arc<AtomicUsize>,
    fails: Arc<AtomicUsize>,
}

/// A worker that does one thing a run as long as something is due, and fails when told to.
fn start() -> (Case, Arc<tokio::sync::Notify>) {
    let clock = ManualClock::new(Timestamp(0));
    let env = WorkerEnv {
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(1)),
        metrics: Arc::new(Metrics::new()),
        shutdown: Shutdown::new(),
    };
    let (counted, runs) = watch::channel(0);
    let (due, fails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let worker = Worker::new("test.work", EVERY_MS, {
        let (due, fails, counted) = (due.clone(), fails.clone(), Arc::new(counted));
        move || {
            let (due, fails, counted) = (due.clone(), fails.clone(), counted.clone());
            async move {
                counted.send_modify(|runs| *runs += 1);
                let less = |number: &AtomicUsize| {
                    number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| number.checked_sub(1)).is_ok()
                };
                if less(&fails) {
                    return Err(std::io::Error::other("the database is away"));
                }
                Ok(usize::from(less(&due)))
            }
        }
    });
    let (tasks, waker) = (Tasks::new(), worker.waker());
    worker.spawn(env.clone(), &tasks);
    (Case { clock, env, tasks, runs, due, fails }, waker)
}

impl Case {
    async fn runs(&mut self, count: usize) {
        self.runs.wait_for(|runs| *runs >= count).await.unwrap();
    }
}

#[tokio::test]
async fn works_while_there_is_more_then_sleeps_until_woken_or_the_interval_ends() {
    let (mut case, waker) = start();
    case.runs(1).await;
    case.clock.sleeping(1).await;
    case.due.store(3, Ordering::Relaxed);
    waker.notify_one();
    case.runs(1 + 4).await; // three things, and a look that finds nothing
    case.clock.sleeping(1).await;
    case.clock.advance_ms(EVERY_MS / 5 * 4 - 1);
    tokio::task::yield_now().await;
    assert_eq!(*case.runs.borrow(), 5, "the jittered interval is never shorter than four fifths");
    case.clock.advance_ms(EVERY_MS / 5 * 2 + 1);
    case.runs(6).await;
    let metrics = case.env.metrics.render();
    assert!(metrics.contains("siegel_worker_items_total{name=\"test.work\"} 3"), "{metrics}");
    assert!(metrics.contains("siegel_worker_runs_total{name=\"test.work\",outcome=\"ok\"} 6"), "{metrics}");
}

#[tokio::test]
async fn a_failing_worker_slows_down_and_comes_back() {
    let (mut case, _) = start();
    case.runs(1).await;
    case.clock.sleeping(1).await;
    case.fails.store(2, Ordering::Relaxed);
    case.clock.advance_ms(2 * EVERY_MS);
    case.runs(2).await;
    case.clock.sleeping(1).await;
    case.clock.advance_ms(EVERY_MS / 5 * 6);
    tokio::task::yield_now().await;
    assert_eq!(*case.runs.borrow(), 2, "after a failure it waits twice as long");
    case.clock.advance_ms(2 * EVERY_MS);
    case.runs(3).await;
    case.clock.sleeping(1).await;
    case.clock.advance_ms(6 * EVERY_MS);
    case.runs(4).await;
    let metrics = case.env.metrics.render();
    assert!(metrics.contains("siegel_worker_runs_total{name=\"test.work\",outcome=\"error\"} 2"), "{metrics}");
}

#[tokio::test]
async fn stops_at_shutdown() {
    let (mut case, _) = start();
    case.runs(1).await;
    case.env.shutdown.begin();
    case.tasks.drain(&case.clock, 1_000).await.unwrap();
    assert_eq!(case.tasks.panics(), 0);
}
