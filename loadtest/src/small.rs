//! Small records, as fast as they go or at a rate: through the SDK, and the baseline that writes two files and a row.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use siegel_client::time::{Moment, sleep};
use siegel_client::{Session, rng};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::task::JoinSet;

use crate::plain;
use crate::web::{self, Raw};

/// Bytes of a small record.
pub(crate) const BYTES: usize = 4096;
/// The baseline's database, in its directory.
const ROWS: &str = "rows.db";

/// How many, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Load {
    /// The sender's profile, or the baseline's directory.
    pub place: PathBuf,
    /// How many records.
    #[arg(long)]
    pub count: usize,
    /// As many at a time, the next as soon as one is done (closed loop).
    #[arg(long, default_value_t = 64)]
    pub at_once: usize,
    /// Begun at this rate, whether or not earlier ones are done (open loop): the way to measure latency.
    #[arg(long)]
    pub per_second: Option<f64>,
    /// The baseline: through the server that wrote this file.
    #[arg(long)]
    pub over: Option<PathBuf>,
}

/// What a load took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Took {
    /// From the first record's beginning to the last one's end.
    pub seconds: f64,
    /// Half of the records took at most this long.
    pub p50_s: f64,
    /// 99 of 100 took at most this long.
    pub p99_s: f64,
}

/// Sends them through the SDK.
pub(crate) async fn put(load: Load) -> Result<Took> {
    let session = Session::open(&load.place)?;
    // Signing in and the first look at the directory belong to no record.
    session.upload_bytes(rng::bytes::<BYTES>().to_vec(), "first.bin").send().await?;
    drive(&load, move |_| {
        let session = session.clone();
        async move {
            session.upload_bytes(rng::bytes::<BYTES>().to_vec(), "small.bin").send().await?;
            Ok(())
        }
    })
    .await
}

/// The baseline: here, or behind a server that was started with [`serve`].
pub(crate) async fn raw(load: Load) -> Result<Took> {
    let new = || rng::bytes::<BYTES>().to_vec();
    if let Some(ready) = &load.over {
        let server = Arc::new(Raw::open(ready, true)?);
        return drive(&load, move |_| {
            let server = server.clone();
            async move { server.post(new()).await }
        })
        .await;
    }
    let target = Target::open(&load.place).await?;
    drive(&load, move |_| {
        let target = target.clone();
        async move { target.take(new().into()).await }
    })
    .await
}

/// The baseline's work behind HTTPS.
pub(crate) async fn serve(place: &Path, ready: &Path) -> Result<()> {
    let target = Target::open(place).await?;
    web::serve_with(ready, move |request| {
        let target = target.clone();
        async move {
            let taken = match request.into_body().collect().await {
                Ok(body) => target.take(body.to_bytes()).await.is_ok(),
                Err(_) => false,
            };
            let mut answer = Response::new(Empty::new().map_err(|never| match never {}).boxed());
            if !taken {
                *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
            Ok(answer)
        }
    })
    .await
}

/// Two directories, both synced as a zone syncs, and a row for each record with a commit of its own.
#[derive(Clone)]
struct Target {
    zones: [PathBuf; 2],
    rows: SqlitePool,
    next: Arc<AtomicUsize>,
}

impl Target {
    async fn open(place: &Path) -> Result<Self> {
        let zones = ["a", "b"].map(|zone| place.join(zone));
        zones.iter().try_for_each(std::fs::create_dir_all)?;
        Ok(Self { zones, rows: rows(place).await?, next: Arc::default() })
    }

    async fn take(&self, bytes: Bytes) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let [a, b] = [0, 1].map(|zone| {
            let (path, bytes) = (self.zones[zone].join(number.to_string()), bytes.clone());
            tokio::task::spawn_blocking(move || plain::write_durably(&path, &bytes))
        });
        let (a, b) = futures::try_join!(a, b)?;
        a.and(b)?;
        let insert = sqlx::query("INSERT INTO rows (number, digest, bytes) VALUES ($1, $2, $3)");
        let insert = insert.bind(number as i64).bind(blake3::hash(&bytes).as_bytes().to_vec()).bind(bytes.len() as i64);
        insert.execute(&self.rows).await?;
        Ok(())
    }
}

/// Rows that the baseline wrote.
pub(crate) async fn raw_rows(place: &Path) -> Result<usize> {
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM rows").fetch_one(&rows(place).await?).await?;
    usize::try_from(count).context("a count is not negative")
}

async fn rows(place: &Path) -> Result<SqlitePool> {
    let pool = database(&place.join(ROWS)).await?;
    let table =
        "CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, digest BLOB NOT NULL, bytes INTEGER NOT NULL)";
    sqlx::query(table).execute(&pool).await?;
    Ok(pool)
}

/// A database of one connection, whose commits are synced.
pub(crate) async fn database(file: &Path) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    Ok(SqlitePoolOptions::new().max_connections(1).connect_with(options).await?)
}

/// Runs `one` for each number from 0 on.
pub(crate) async fn drive<F, W>(load: &Load, one: F) -> Result<Took>
where
    F: Fn(usize) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = Result<()>> + Send + 'static,
{
    let start = Moment::now();
    let mut running: JoinSet<Result<Vec<f64>>> = JoinSet::new();
    match load.per_second {
        None => {
            let (next, count) = (Arc::new(AtomicUsize::new(0)), load.count);
            for _ in 0..load.at_once {
                let (one, next) = (one.clone(), next.clone());
                running.spawn(async move {
                    let mut took = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return Ok(took);
                        }
                        took.push(timed(one(number)).await?);
                    }
                });
            }
        }
        Some(rate) => {
            for number in 0..load.count {
                let due = Duration::from_secs_f64(number as f64 / rate);
                if let Some(wait) = due.checked_sub(start.elapsed()) {
                    sleep(wait).await;
                }
                let work = one(number);
                running.spawn(async move { Ok(vec![timed(work).await?]) });
            }
        }
    }
    let mut took = Vec::with_capacity(load.count);
    while let Some(done) = running.join_next().await {
        took.extend(done??);
    }
    let seconds = start.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() as f64 * share) as usize).min(took.len() - 1)];
    anyhow::ensure!(took.len() == load.count && !took.is_empty(), "not every record was sent");
    Ok(Took { seconds, p50_s: at(0.50), p99_s: at(0.99) })
}

async fn timed(work: impl Future<Output = Result<()>>) -> Result<f64> {
    let start = Moment::now();
    work.await?;
    Ok(start.elapsed().as_secs_f64())
}
