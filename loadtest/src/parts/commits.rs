//! G13: rows that are committed one by one, 256 at a time, through the platform's transactions, beside an INSERT of the same
//! rows in batches; in PostgreSQL with its synchronous standby, and in SQLite.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::{Result, ensure};
use siegel_client::rng;
use siegel_client::time::Moment;
use siegel_platform::db::{self, Db, DbError, DbOptions, Migrations, TenantDbs};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, QueryBuilder, Sqlite, SqlitePool};
use tokio::task::JoinSet;

use super::{Ground, NOWHERE};
use crate::data::{self, Place};
use crate::outcome::{Outcome, Target};
use crate::pair::{Comparison, Reading, Sample};
use crate::settings::Settings;
use crate::{cpu, small};

const AT_ONCE: usize = 256;
const DIGEST_BYTES: usize = 32;
static ROWS: LazyLock<Migrations> = LazyLock::new(|| db::embedded(&[(1, "rows", TABLE)]));
const TABLE: &str = "CREATE TABLE rows (id TEXT NOT NULL PRIMARY KEY, digest BLOB NOT NULL, bytes INTEGER NOT NULL);";

/// A row of either side.
type Row = (String, Vec<u8>);

/// PostgreSQL, then SQLite, then SQLite beside a commit for each row.
pub(crate) async fn run(settings: &Settings, shared: &Path) -> Result<Vec<Outcome>> {
    let place = data::scratch(Place::Disk)?;
    let ground = Ground::on(shared, place.path(), false)?;
    let (options, tenant) = ground.cluster().await?;
    let dbs = TenantDbs::new(NOWHERE.as_ref(), "upload", &ROWS, options);
    let ours = dbs.get(tenant).await?;
    let theirs: PgPool = PgPoolOptions::new().max_connections(1).connect_with(ground.database().await?).await?;
    sqlx::query("CREATE TABLE rows (id TEXT NOT NULL PRIMARY KEY, digest BYTEA NOT NULL, bytes BIGINT NOT NULL)")
        .execute(&theirs)
        .await?;
    let count = settings.small_records * 5;
    let comparison = |what: &str, baseline: &str, target| Comparison {
        goal: "G13",
        what: format!("rows a second, each committed on its own, c=256: {what}"),
        baseline: baseline.to_owned(),
        reading: Reading::Speed,
        target,
        bytes: 0,
        pairs: settings.pairs,
    };
    let mut outcomes = Vec::new();
    let line = comparison("PostgreSQL with a standby", "INSERTs of 256 rows, one after another", Target::AtLeast(0.7));
    let samples = line.samples(|| batches_postgres(&theirs, count), || one_by_one(&ours, count)).await?;
    outcomes.push(line.rates(&samples, count, "rows"));
    dbs.close_all().await;

    let ours = Arc::new(Db::open(&place.path().join("ours.db"), &ROWS, DbOptions::default()).await?);
    let raw = small::database(&place.path().join("raw.db")).await?;
    sqlx::query(TABLE).execute(&raw).await?;
    let line = comparison("SQLite", "INSERTs of 256 rows, synced alike", Target::AtLeast(0.6));
    let samples = line.samples(|| batches_sqlite(&raw, count, AT_ONCE), || one_by_one(&ours, count)).await?;
    outcomes.push(line.rates(&samples, count, "rows"));
    let line = comparison("SQLite", "a commit for each row, one after another", Target::AtLeast(10.0));
    let samples = line.samples(|| batches_sqlite(&raw, count, 1), || one_by_one(&ours, count)).await?;
    outcomes.push(line.rates(&samples, count, "rows"));
    Ok(outcomes)
}

fn rows(count: usize) -> Vec<Row> {
    (0..count)
        .map(|_| (format!("{:032x}", u128::from_le_bytes(rng::bytes())), rng::bytes::<DIGEST_BYTES>().to_vec()))
        .collect()
}

/// Times work in this very process.
async fn timed(count: usize, work: impl Future<Output = Result<u64>>) -> Result<Sample> {
    let (before, start) = (cpu::of(std::process::id())?, Moment::now());
    let written = work.await?;
    let wall_s = start.elapsed().as_secs_f64();
    ensure!(written == count as u64, "{written} rows of {count} were written");
    Ok(Sample { wall_s, cpu_s: cpu::of(std::process::id())? - before, tail_s: 0.0 })
}

async fn one_by_one(db: &Arc<Db>, count: usize) -> Result<Sample> {
    let mut rows = rows(count);
    let share = count.div_ceil(AT_ONCE);
    timed(count, async {
        let mut running: JoinSet<Result<u64, DbError>> = JoinSet::new();
        while !rows.is_empty() {
            let (db, rows) = (db.clone(), rows.split_off(rows.len().saturating_sub(share)));
            running.spawn(async move {
                let mut written = 0;
                for row in &rows {
                    written += db
                        .tx("bench.row", |tx| {
                            Box::pin(async move {
                                let insert = db::query("INSERT INTO rows (id, digest, bytes) VALUES ($1, $2, $3)");
                                let insert = insert.bind(&row.0).bind(row.1.clone()).bind(DIGEST_BYTES as i64);
                                Ok::<_, DbError>(insert.execute(&mut **tx).await?.rows_affected())
                            })
                        })
                        .await?;
                }
                Ok(written)
            });
        }
        let mut written = 0;
        while let Some(done) = running.join_next().await {
            written += done??;
        }
        Ok(written)
    })
    .await
}

/// Arrays, which PostgreSQL takes faster than a list of rows.
async fn batches_postgres(pool: &PgPool, count: usize) -> Result<Sample> {
    let rows = rows(count);
    timed(count, async {
        let mut written = 0;
        for batch in rows.chunks(AT_ONCE) {
            let (ids, digests): (Vec<_>, Vec<_>) = batch.iter().cloned().unzip();
            let insert = "INSERT INTO rows (id, digest, bytes) SELECT id, digest, $3 FROM UNNEST($1::TEXT[], $2::BYTEA[]) AS row (id, digest)";
            let insert = sqlx::query(insert).bind(ids).bind(digests).bind(DIGEST_BYTES as i64);
            written += insert.execute(pool).await?.rows_affected();
        }
        Ok(written)
    })
    .await
}

async fn batches_sqlite(pool: &SqlitePool, count: usize, size: usize) -> Result<Sample> {
    let rows = rows(count);
    timed(count, async {
        let mut written = 0;
        for batch in rows.chunks(size) {
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO rows (id, digest, bytes) ");
            insert.push_values(batch, |mut row, (id, digest)| {
                row.push_bind(id).push_bind(digest).push_bind(DIGEST_BYTES as i64);
            });
            written += insert.build().execute(pool).await?.rows_affected();
        }
        Ok(written)
    })
    .await
}
