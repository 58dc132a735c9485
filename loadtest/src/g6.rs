//! G6: records of 4 KiB, durable in both zones, 64 at a time, beside two files and a row of SQLite at the same level of
//! durability. The rate comes from a closed loop; latencies from an open one at the same rate on both sides, half of
//! what ours reached.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use siegel_client::{Meter, RecordQuery};

use crate::data::{self, Place};
use crate::outcome::{Outcome, Target};
use crate::pair::{Comparison, Reading, Sample, per_second};
use crate::server::Transport;
use crate::settings::Settings;
use crate::small::{self, Took};
use crate::web::Web;
use crate::worker;
use crate::world::{World, bytes_below};

pub(crate) const AT_ONCE: usize = 64;
/// Of the rate that ours reached: latencies are measured below saturation.
pub(crate) const LOAD: f64 = 0.5;
/// Seconds of one open-loop measurement.
pub(crate) const OPEN_S: f64 = 4.0;

/// Records a second, then both latencies.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Outcome>> {
    let place = data::scratch(Place::Disk)?;
    let people = data::scratch(Place::Memory)?;
    let world = World::start(place.path(), people.path(), Transport::Tls).await?;
    let raw = place.path().join("raw");
    let count = settings.small_records;
    let closed = |what: &str| Comparison {
        goal: "G6",
        what: what.to_owned(),
        baseline: "two files and one row, synced alike, c=64".to_owned(),
        reading: Reading::Speed,
        target: Target::AtLeast(0.6),
        bytes: 0,
        pairs: settings.pairs,
    };
    let rate = closed("4 KiB records a second, c=64, on disk");
    let samples = rate.samples(|| baseline(&raw, count, None), || ours(&world, count, None)).await?;
    let [_, reached] = per_second(&samples, count);
    let mut outcomes = vec![rate.rates(&samples, count, "records")];

    let pace = LOAD * reached;
    let count = (pace * OPEN_S) as usize;
    let what = format!("4 KiB records at {pace:.0}/s (open loop)");
    let median = Comparison { reading: Reading::Time, target: Target::AtMost(1.3), ..closed(&format!("{what}: p50")) };
    let samples = median.samples(|| baseline(&raw, count, Some(pace)), || ours(&world, count, Some(pace))).await?;
    outcomes.push(median.outcome(&samples));
    let tails: Vec<_> = samples.iter().map(|(base, ours)| (base.tail(), ours.tail())).collect();
    let tail = Comparison { target: Target::AtMost(1.5), what: format!("{what}: p99"), ..median };
    outcomes.push(tail.outcome(&tails));
    outcomes.push(over_https(settings, &world, &raw).await?);
    Ok(outcomes)
}

/// The closed loop once more, beside a server that does the baseline's work behind HTTPS: what is left is cryptography.
async fn over_https(settings: &Settings, world: &World, raw: &Path) -> Result<Outcome> {
    let count = settings.small_records;
    let comparison = Comparison {
        goal: "G6",
        what: "4 KiB records a second, c=64, on disk".to_owned(),
        baseline: "the same two files and row, behind the simplest HTTPS server".to_owned(),
        reading: Reading::Speed,
        target: Target::Informative,
        bytes: 0,
        pairs: settings.pairs,
    };
    let samples = comparison.samples(|| served(raw, count), || ours(world, count, None)).await?;
    Ok(comparison.rates(&samples, count, "records"))
}

async fn served(place: &Path, count: usize) -> Result<Sample> {
    std::fs::create_dir_all(place)?;
    let web = Web::start("small-serve", place, place.join("web")).await?;
    let mut command = worker::command("small-raw")?;
    command.arg(place).args(["--count", &count.to_string(), "--at-once", &AT_ONCE.to_string()]);
    let (mut sample, took): (_, Took) =
        worker::measured_with(command.arg("--over").arg(&web.ready), &[], Some(web.pid()))?;
    drop(web);
    written(place, count).await?;
    told(&mut sample, took, None);
    Ok(sample)
}

/// Fails unless the baseline wrote `count` records twice and their rows, and takes them away.
async fn written(place: &Path, count: usize) -> Result<()> {
    let bytes = bytes_below(&place.join("a"))? + bytes_below(&place.join("b"))?;
    ensure!(bytes == (2 * count * small::BYTES) as u64, "the baseline wrote {bytes} bytes");
    ensure!(small::raw_rows(place).await? == count, "the baseline's rows are not all there");
    std::fs::remove_dir_all(place)?;
    Ok(())
}

async fn baseline(place: &Path, count: usize, per_second: Option<f64>) -> Result<Sample> {
    let (mut sample, took) = load(worker::command("small-raw")?, place, count, per_second, None)?;
    written(place, count).await?;
    told(&mut sample, took, per_second);
    Ok(sample)
}

/// A load through the SDK, and whether the zones hold it.
pub(crate) async fn ours(world: &World, count: usize, per_second: Option<f64>) -> Result<Sample> {
    let before = world.zone_bytes()?;
    let server = Some(world.server.pid());
    let (mut sample, took) = load(worker::command("small-put")?, &world.sender, count, per_second, server)?;
    let now = world.zone_bytes()?;
    let came = [now[0] - before[0], now[1] - before[1]];
    let sealed = siegel_envelope::part::PartShape::of_plain(small::BYTES).sealed_bytes();
    // One more than asked for: the one that signs in.
    let expected = ((count + 1) * sealed) as u64;
    ensure!(came == [expected, expected], "the zones took {came:?} bytes instead of {expected} each");
    let (listings, _) = world.owner.listing(&RecordQuery::default()).await?;
    let sample_of = listings.into_iter().next().map(|listing| listing.opened);
    let opened = sample_of.ok_or_else(|| anyhow::anyhow!("the centre sees no record"))??;
    let plain = opened.range(0..small::BYTES as u64, &Meter::default()).await?;
    ensure!(plain.len() == small::BYTES, "a sample opens to {} bytes", plain.len());
    told(&mut sample, took, per_second);
    Ok(sample)
}

/// Runs a worker with a load in `place`.
pub(crate) fn load(
    mut command: Command,
    place: &Path,
    count: usize,
    per_second: Option<f64>,
    server: Option<u32>,
) -> Result<(Sample, Took)> {
    command.arg(place).args(["--count", &count.to_string(), "--at-once", &AT_ONCE.to_string()]);
    if let Some(rate) = per_second {
        command.args(["--per-second", &rate.to_string()]);
    }
    worker::measured_with(&mut command, &[], server)
}

/// What counts as the sample's seconds: all of a closed loop, the latencies of an open one.
pub(crate) fn told(sample: &mut Sample, took: Took, per_second: Option<f64>) {
    match per_second {
        None => sample.wall_s = took.seconds,
        Some(_) => (sample.wall_s, sample.tail_s) = (took.p50_s, took.p99_s),
    }
}
