//! People at work while something breaks: senders who upload without a pause, centres that open what has come. Whatever a
//! user would have seen as an error is kept, and the longest time that one of them had to wait.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use siegel_client::Session;
use siegel_platform::clock::{SharedClock, SystemClock};
use tokio::task::JoinHandle;

use crate::bytes;
use crate::ledger::Ledger;

/// Every so many uploads one is a file in parts.
const LARGE_EVERY: u64 = 12;
const LARGE_BYTES: usize = 9_000_000;

/// What one centre and its sender do.
pub struct Load {
    work: Arc<Work>,
    tasks: Vec<JoinHandle<Result<()>>>,
}

struct Work {
    ledger: Arc<Ledger>,
    sender: Session,
    owner: Session,
    files: PathBuf,
    clock: SharedClock,
    /// The least time from one begin to the next of whoever works: none for as fast as it goes.
    pace: Duration,
    ended: AtomicBool,
    drawn: AtomicU64,
    uploads: Counted,
    downloads: Counted,
}

#[derive(Default)]
struct Counted {
    done: AtomicUsize,
    failed: Mutex<Vec<String>>,
    longest_ms: AtomicU64,
}

/// What became of one kind of work.
#[derive(Debug)]
pub struct Done {
    /// How many were done.
    pub done: usize,
    /// What users would have seen as an error.
    pub failed: Vec<String>,
    /// The longest that one of them took.
    pub longest: Duration,
}

impl Load {
    /// Two who send and one who reads, until [`Load::end`]; each begins at most one thing in a time of `pace`, with zero as fast as
    /// it goes. Files lie in `files`, a directory of its own.
    pub fn begin(
        ledger: &Arc<Ledger>,
        sender: &Session,
        owner: &Session,
        files: PathBuf,
        pace: Duration,
    ) -> Result<Self> {
        std::fs::create_dir_all(&files)?;
        let work = Arc::new(Work {
            ledger: ledger.clone(),
            sender: sender.clone(),
            owner: owner.clone(),
            files,
            clock: SystemClock::shared(),
            pace,
            ended: AtomicBool::new(false),
            drawn: AtomicU64::new(0),
            uploads: Counted::default(),
            downloads: Counted::default(),
        });
        let tasks = vec![spawn(work.clone().send()), spawn(work.clone().send()), spawn(work.clone().read())];
        Ok(Self { work, tasks })
    }

    /// How many uploads are done by now.
    pub fn uploads(&self) -> usize {
        self.work.uploads.done.load(Ordering::Relaxed)
    }

    /// How many downloads are done by now.
    pub fn downloads(&self) -> usize {
        self.work.downloads.done.load(Ordering::Relaxed)
    }

    /// Until so many more uploads and downloads are done than when it was asked: work goes on.
    pub async fn goes_on(&self, more: usize, within: Duration) -> Result<()> {
        let (uploads, downloads) = (self.uploads() + more, self.downloads() + more);
        let end_ms = self.work.clock.monotonic_ms() + i64::try_from(within.as_millis())?;
        while self.uploads() < uploads || self.downloads() < downloads {
            anyhow::ensure!(
                self.work.clock.monotonic_ms() < end_ms,
                "work stands: {} of {uploads} uploads, {} of {downloads} downloads within {within:?}; {:?} {:?}",
                self.uploads(),
                self.downloads(),
                self.work.uploads.failed(),
                self.work.downloads.failed(),
            );
            crate::moment(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Lets everybody finish what they are at: uploads, downloads.
    pub async fn end(self) -> Result<(Done, Done)> {
        self.work.ended.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.context("somebody at work")??;
        }
        Ok((self.work.uploads.take(), self.work.downloads.take()))
    }
}

impl Work {
    async fn send(self: Arc<Self>) -> Result<()> {
        while !self.ended.load(Ordering::Relaxed) {
            let number = self.drawn.fetch_add(1, Ordering::Relaxed);
            let large = number % LARGE_EVERY == LARGE_EVERY - 1;
            let plain = bytes(number, if large { LARGE_BYTES } else { 2_000 + (number as usize * 7_919) % 60_000 });
            let begun = self.clock.monotonic_ms();
            let sent = if large {
                let path = self.files.join(format!("{number}.edf"));
                std::fs::write(&path, &plain)?;
                let sent = self.sender.upload(&path).send().await;
                std::fs::remove_file(&path)?;
                sent
            } else {
                self.sender.upload_bytes(plain.clone(), &format!("{number}.edf")).send().await
            };
            match &sent {
                Ok(sent) => self.ledger.acknowledged(sent, &plain)?,
                Err(_) => self.ledger.unsure(),
            }
            self.uploads.count(self.clock.monotonic_ms() - begun, sent.map(drop).map_err(|error| format!("{error:?}")));
            self.rest(begun).await;
        }
        Ok(())
    }

    async fn read(self: Arc<Self>) -> Result<()> {
        let mut number = 0;
        while !self.ended.load(Ordering::Relaxed) {
            number += 7;
            let Some(record) = self.ledger.any(number) else {
                crate::moment(Duration::from_millis(5)).await;
                continue;
            };
            let begun = self.clock.monotonic_ms();
            let read = self.ledger.read(&self.owner, record).await;
            self.downloads
                .count(self.clock.monotonic_ms() - begun, read.map_err(|error| format!("{record}: {error:?}")));
            self.rest(begun).await;
        }
        Ok(())
    }

    /// Until it is time for the next, or for going home.
    async fn rest(&self, begun_ms: i64) {
        let until_ms = begun_ms + i64::try_from(self.pace.as_millis()).unwrap_or(i64::MAX);
        while self.clock.monotonic_ms() < until_ms && !self.ended.load(Ordering::Relaxed) {
            crate::moment(Duration::from_millis(20)).await;
        }
    }
}

impl Counted {
    fn count(&self, took_ms: i64, result: Result<(), String>) {
        self.longest_ms.fetch_max(took_ms.unsigned_abs(), Ordering::Relaxed);
        match result {
            Ok(()) => drop(self.done.fetch_add(1, Ordering::Relaxed)),
            Err(error) => self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(error),
        }
    }

    fn failed(&self) -> Vec<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self) -> Done {
        let longest = Duration::from_millis(self.longest_ms.load(Ordering::Relaxed));
        Done { done: self.done.load(Ordering::Relaxed), failed: self.failed(), longest }
    }
}

#[expect(clippy::disallowed_methods, reason = "the handle is awaited by end")]
fn spawn(task: impl Future<Output = Result<()>> + Send + 'static) -> JoinHandle<Result<()>> {
    tokio::spawn(task)
}
