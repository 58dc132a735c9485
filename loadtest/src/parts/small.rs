//! G6 on real parts: records of 4 KiB, 64 at a time, durable in both S3 zones and in PostgreSQL with its standby, beside two
//! PUTs and one INSERT.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use siegel_client::api::tenants::Durability;
use siegel_client::rng;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::Ground;
use super::rclone::Rclone;
use super::zones::Raw;
use crate::data::{self, Place};
use crate::g6::{self, AT_ONCE, LOAD, OPEN_S};
use crate::outcome::{Outcome, Target};
use crate::pair::{Comparison, Reading, Sample, per_second};
use crate::settings::Settings;
use crate::small::{self, Load};
use crate::worker;
use crate::world::{World, bytes_below};

struct Baseline {
    ground: Ground,
    rclone: Rclone,
    database: PgConnectOptions,
}

/// Records a second, then both latencies.
pub(crate) async fn run(settings: &Settings, shared: &Path) -> Result<Vec<Outcome>> {
    let place = data::scratch(Place::Memory)?;
    let ground = Ground::on(shared, place.path(), false)?;
    let world = World::on_parts(&ground, place.path(), Durability::Strict).await?;
    let (rclone, database) = (Rclone::new(&ground, place.path())?, ground.database().await?);
    let base = Baseline { ground, rclone, database };
    sqlx::query("CREATE TABLE rows (number BIGINT PRIMARY KEY, digest BYTEA NOT NULL, bytes BIGINT NOT NULL)")
        .execute(&base.pool().await?)
        .await?;
    let count = settings.small_records;
    let closed = |what: &str| Comparison {
        goal: "G6",
        what: what.to_owned(),
        baseline: "two PUTs and one INSERT, c=64".to_owned(),
        reading: Reading::Speed,
        target: Target::AtLeast(0.6),
        bytes: 0,
        pairs: settings.pairs,
    };
    let rate = closed("4 KiB records a second, c=64, S3 and PostgreSQL");
    let samples = rate.samples(|| base.run(count, None), || g6::ours(&world, count, None)).await?;
    let [_, reached] = per_second(&samples, count);
    let mut outcomes = vec![rate.rates(&samples, count, "records")];

    let rate = LOAD * reached;
    let count = (rate * OPEN_S) as usize;
    let what = format!("4 KiB records at {rate:.0}/s (open loop), S3 and PostgreSQL");
    let median = Comparison { reading: Reading::Time, target: Target::AtMost(1.3), ..closed(&format!("{what}: p50")) };
    let samples = median.samples(|| base.run(count, Some(rate)), || g6::ours(&world, count, Some(rate))).await?;
    outcomes.push(median.outcome(&samples));
    let tails: Vec<_> = samples.iter().map(|(base, ours)| (base.tail(), ours.tail())).collect();
    let tail = Comparison { target: Target::AtMost(1.5), what: format!("{what}: p99"), ..median };
    outcomes.push(tail.outcome(&tails));
    Ok(outcomes)
}

impl Baseline {
    async fn pool(&self) -> Result<PgPool> {
        pool(self.database.clone()).await
    }

    async fn run(&self, count: usize, per_second: Option<f64>) -> Result<Sample> {
        let database = self.database.get_database().context("the baseline's database has a name")?;
        let mut command = worker::command("small-raw-parts")?;
        command.args([self.rclone.bucket.as_str(), database]);
        let (mut sample, took) = g6::load(command, &self.ground.file, count, per_second, None)?;
        for zone in self.ground.zones() {
            let bytes = bytes_below(&zone.join(&self.rclone.bucket))?;
            ensure!(bytes == (count * small::BYTES) as u64, "the baseline wrote {bytes} bytes");
        }
        self.rclone.empty()?;
        let pool = self.pool().await?;
        let gone = sqlx::query("DELETE FROM rows").execute(&pool).await?;
        ensure!(gone.rows_affected() == count as u64, "the baseline's rows are not all there");
        g6::told(&mut sample, took, per_second);
        Ok(sample)
    }
}

/// The baseline's worker; its place is the parts file.
pub(crate) async fn raw(bucket: &str, database: &str, load: Load) -> Result<small::Took> {
    let ground = Ground::open(&load.place)?;
    let (zones, rows) = (Raw::open(&ground.parts, bucket)?, pool(ground.postgres(database)?).await?);
    let both = Arc::new((zones, rows));
    small::drive(&load, move |number| {
        let both = both.clone();
        async move {
            let bytes = Bytes::from(rng::bytes::<{ small::BYTES }>().to_vec());
            let digest = blake3::hash(&bytes).as_bytes().to_vec();
            both.0.put(format!("small/{number}"), bytes).await?;
            let insert = sqlx::query("INSERT INTO rows (number, digest, bytes) VALUES ($1, $2, $3)");
            insert.bind(number as i64).bind(digest).bind(small::BYTES as i64).execute(&both.1).await?;
            Ok(())
        }
    })
    .await
}

/// As many connections as a program of ours may hold.
async fn pool(database: PgConnectOptions) -> Result<PgPool> {
    Ok(PgPoolOptions::new().max_connections(AT_ONCE.min(48) as u32).connect_with(database).await?)
}
