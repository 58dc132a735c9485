//! G21: reading while a zone is away, beside reading with both; and filling a zone that comes back, beside a plain copy of the
//! same bytes from zone to zone. Everything goes through the proxies, which cut the zone off.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use siegel_client::Meter;
use siegel_client::api::tenants::Durability;
use siegel_client::time::{Moment, sleep};
use siegel_domain::RecordId;
use siegel_domain::limits::PART_SEALED_BYTES;

use super::Ground;
use super::rclone::Rclone;
use super::zones::Raw;
use crate::data::{self, Place};
use crate::outcome::{Outcome, Ratio, Target};
use crate::pair::{Comparison, Reading, Sample};
use crate::settings::Settings;
use crate::worker::{self, Moved};
use crate::world::World;

/// Small reads of one sample.
const READS: u64 = 300;
const READ_BYTES: u64 = 4096;
/// Small reads after which the breaker of a zone that is away has opened.
const FIRST: u64 = 60;
/// Longer than a zone takes to be filled again.
const PATIENCE: Duration = Duration::from_secs(180);

/// Reads first, then healing.
pub(crate) async fn run(settings: &Settings, shared: &Path) -> Result<Vec<Outcome>> {
    let place = data::scratch(Place::Memory)?;
    let ground = Ground::on(shared, place.path(), true)?;
    let plain = place.path().join("recording.bin");
    data::random_file(&plain, settings.bytes)?;
    let ciphertext = place.path().join("ciphertext");
    worker::measured(worker::command("seal")?.arg(&ciphertext).arg(&plain), &[])?;
    let world = World::on_parts(&ground, place.path(), Durability::Available).await?;
    let heal = Heal { rclone: Rclone::new(&ground, place.path())?, ground, world, settings, plain, ciphertext };
    let measured = heal.all().await;
    heal.ground.zone_b(true).await?;
    measured
}

struct Heal<'s> {
    ground: Ground,
    world: World,
    rclone: Rclone,
    settings: &'s Settings,
    plain: std::path::PathBuf,
    ciphertext: std::path::PathBuf,
}

impl Heal<'_> {
    async fn all(&self) -> Result<Vec<Outcome>> {
        let before = self.world.zone_bytes()?;
        let record = self.put()?;
        self.world.check(record, &self.plain, before).await?;
        let mut outcomes = vec![self.large_reads(record).await?, self.small_reads(record).await?];
        self.world.erase(record, before).await?;
        outcomes.push(self.filling().await?);
        Ok(outcomes)
    }

    fn comparison(&self, what: &str, baseline: &str, target: Target) -> Comparison {
        Comparison {
            goal: "G21",
            what: format!("{what} {}, S3 zones on tmpfs", data::size(self.settings.bytes)),
            baseline: baseline.to_owned(),
            reading: Reading::Speed,
            target,
            bytes: self.settings.bytes,
            pairs: self.settings.pairs,
        }
    }

    fn put(&self) -> Result<RecordId> {
        let mut command = worker::command("put")?;
        command.arg(&self.world.sender).arg(&self.plain);
        let (_, sent): (_, Moved) = worker::measured_with(&mut command, &[], None)?;
        Ok(sent.record)
    }

    /// Cuts zone b off, and reads until its breaker is open; or gives it back, and reads until it is closed.
    async fn zone_b(&self, there: bool, record: RecordId) -> Result<()> {
        self.ground.zone_b(there).await?;
        self.small(record, FIRST).await.map(drop)
    }

    /// Small reads spread over a record, in seconds each.
    async fn small(&self, record: RecordId, count: u64) -> Result<Vec<f64>> {
        let opened = self.world.owner.open_record(record).await?;
        let mut took = Vec::new();
        for number in 0..count {
            // A prime stride: every part of the record, and never the same chunk twice in a row.
            let from = (number * 7_919 * READ_BYTES) % (self.settings.bytes - READ_BYTES);
            let start = Moment::now();
            let read = opened.range(from..from + READ_BYTES, &Meter::default()).await?;
            took.push(start.elapsed().as_secs_f64());
            ensure!(read.len() as u64 == READ_BYTES, "a range opens to {} bytes", read.len());
        }
        Ok(took)
    }

    async fn large_reads(&self, record: RecordId) -> Result<Outcome> {
        let with_both = async || {
            self.zone_b(true, record).await?;
            self.download(record)
        };
        let with_one = async || {
            self.zone_b(false, record).await?;
            self.download(record)
        };
        let line = self.comparison("download with a zone away,", "the same with both zones", Target::AtLeast(0.95));
        line.run(with_both, with_one).await
    }

    fn download(&self, record: RecordId) -> Result<Sample> {
        let mut command = worker::command("get")?;
        command.arg(self.world.owner.dir().path()).arg(record.to_string());
        let keys = self.world.owner.keys().context("the owner has keys")?;
        let server = Some(self.world.server.pid());
        let (sample, _): (_, Moved) = worker::measured_with(&mut command, &keys, server)?;
        Ok(sample)
    }

    /// How much later the slowest of a hundred small reads comes, in milliseconds.
    async fn small_reads(&self, record: RecordId) -> Result<Outcome> {
        let p99 = |mut took: Vec<f64>| {
            took.sort_by(f64::total_cmp);
            took[took.len() * 99 / 100] * 1e3
        };
        let (mut more, mut healthy) = (Vec::new(), Vec::new());
        for _ in 0..self.settings.pairs {
            self.zone_b(true, record).await?;
            let both = p99(self.small(record, READS).await?);
            self.zone_b(false, record).await?;
            let one = p99(self.small(record, READS).await?);
            more.push(one - both);
            healthy.push(both);
        }
        self.zone_b(true, record).await?;
        let what = "p99 of a 4 KiB read with a zone away: ms more";
        let outcome = Outcome::new("G21", what, "the same with both zones", Ratio::of(more), Target::AtMost(5.0));
        Ok(outcome.note(format!("with both {:.1} ms; a read that fails ends the run", Ratio::of(healthy).median)))
    }

    async fn filling(&self) -> Result<Outcome> {
        let raw = Raw::open(&self.ground.parts, &self.rclone.bucket)?;
        let count = (std::fs::metadata(&self.ciphertext)?.len() as usize).div_ceil(PART_SEALED_BYTES);
        let copy = async || {
            raw.put_file("piece", &self.ciphertext).await?;
            let start = Moment::now();
            raw.copy_over("piece", count).await?;
            let wall_s = start.elapsed().as_secs_f64();
            raw.forget("piece").await?;
            Ok(Sample { wall_s, cpu_s: 0.0, tail_s: 0.0 })
        };
        let heal = async || {
            let before = self.world.zone_bytes()?;
            self.ground.zone_b(false).await?;
            let record = self.put()?;
            let now = self.world.zone_bytes()?;
            ensure!(now[1] == before[1], "zone b took bytes while it was away");
            self.ground.zone_b(true).await?;
            let start = Moment::now();
            while self.world.zone_bytes()?[1] - before[1] < now[0] - before[0] {
                ensure!(start.elapsed() < PATIENCE, "zone b was not filled again within {PATIENCE:?}");
                sleep(Duration::from_millis(20)).await;
            }
            let wall_s = start.elapsed().as_secs_f64();
            self.world.erase(record, before).await?;
            Ok(Sample { wall_s, cpu_s: 0.0, tail_s: 0.0 })
        };
        let line =
            self.comparison("fill a zone that comes back,", "a plain copy from zone to zone", Target::AtLeast(0.8));
        line.run(copy, heal).await
    }
}
