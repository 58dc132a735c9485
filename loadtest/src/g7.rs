//! G7: a record fetched and opened into a file, beside fetching the same number of bytes from the simplest HTTPS server
//! there is; and 1 MiB out of the middle of a large record: until the first byte, and how much is read for it.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use siegel_client::time::Moment;
use siegel_client::{Meter, Opened, rng};
use siegel_domain::RecordId;
use siegel_domain::limits::CHUNK_BYTES;

use crate::cpu;
use crate::data::{self, Place};
use crate::outcome::{Outcome, Ratio, Target};
use crate::pair::{Comparison, Reading, Sample};
use crate::server::Transport;
use crate::settings::Settings;
use crate::web::{Raw, Web};
use crate::worker::{self, Moved};
use crate::world::World;

const RANGE_BYTES: u64 = 1024 * 1024;
/// Ranges of one measurement: one alone is too short to compare.
const RANGES: usize = 40;

/// All lines of G7.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Outcome>> {
    let mut outcomes = vec![whole(settings).await?];
    outcomes.extend(ranges(settings).await?);
    Ok(outcomes)
}

async fn send(world: &World, plain: &Path) -> Result<RecordId> {
    let before = world.zone_bytes()?;
    let mut command = worker::command("put")?;
    let (_, sent): (_, Moved) = worker::measured_with(command.arg(&world.sender).arg(plain), &[], None)?;
    world.check(sent.record, plain, before).await?;
    Ok(sent.record)
}

async fn whole(settings: &Settings) -> Result<Outcome> {
    let place = data::scratch(Place::Memory)?;
    let at = |name: &str| place.path().join(name);
    let plain = at("recording.bin");
    data::random_file(&plain, settings.bytes)?;
    let world = World::start(place.path(), &at("people"), Transport::Tls).await?;
    let record = send(&world, &plain).await?;
    worker::measured(worker::command("seal")?.arg(at("ciphertext")).arg(&plain), &[])?;
    let web = Web::start("serve", &at("ciphertext"), at("web")).await?;
    let keys = world.owner.keys().context("the owner has keys")?;
    let comparison = Comparison {
        goal: "G7",
        what: format!("download and open {} into a file", data::size(settings.bytes)),
        baseline: "GET of the ciphertext over the same TLS into a file".to_owned(),
        reading: Reading::Speed,
        target: Target::AtLeast(0.92),
        bytes: settings.bytes,
        pairs: settings.pairs,
    };
    let (theirs, ours) = (at("fetched"), at("opened"));
    let fetch = || {
        let mut command = worker::command("fetch")?;
        let (sample, ()) = worker::measured_with(command.arg(&web.ready).arg(&theirs), &[], Some(web.pid()))?;
        same(&theirs, &at("ciphertext"))?;
        std::fs::remove_file(&theirs)?;
        Ok(sample)
    };
    let open = || {
        let mut command = worker::command("get")?;
        command.arg(world.owner.dir().path()).arg(record.to_string()).arg(&ours);
        let (sample, _): (_, Moved) = worker::measured_with(&mut command, &keys, Some(world.server.pid()))?;
        same(&ours, &plain)?;
        std::fs::remove_file(&ours)?;
        Ok(sample)
    };
    comparison.run(|| std::future::ready(fetch()), || std::future::ready(open())).await
}

/// Fails unless two files hold the same bytes.
fn same(one: &Path, other: &Path) -> Result<()> {
    let hash = |path: &Path| -> Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(path)?)?;
        Ok(hasher.finalize())
    };
    ensure!(hash(one)? == hash(other)?, "{} and {} differ", one.display(), other.display());
    Ok(())
}

async fn ranges(settings: &Settings) -> Result<Vec<Outcome>> {
    // On disk: two copies of the larger size do not fit into everybody's memory.
    let place = data::scratch(Place::Disk)?;
    let plain = place.path().join("recording.bin");
    data::hollow_file(&plain, settings.large_bytes)?;
    let world = World::start(place.path(), &place.path().join("people"), Transport::Tls).await?;
    let record = send(&world, &plain).await?;
    let ciphertext = place.path().join("ciphertext");
    worker::measured(worker::command("seal")?.arg(&ciphertext).arg(&plain), &[])?;
    let web = Web::start("serve", &ciphertext, place.path().join("web")).await?;
    let (raw, opened) = (Raw::open(&web.ready, false)?, world.owner.open_record(record).await?);
    let size = data::size(settings.large_bytes);
    let comparison = Comparison {
        goal: "G7",
        what: format!("1 MiB out of {size}: time to the first byte"),
        baseline: "range GET over the same TLS".to_owned(),
        reading: Reading::Time,
        target: Target::AtMost(1.3),
        bytes: 0,
        pairs: settings.pairs,
    };
    let length = settings.large_bytes;
    let samples = comparison.samples(|| raw_ranges(&raw, length), || our_ranges(&opened, length)).await?;
    let firsts = comparison.outcome(&samples);
    let wholes: Vec<_> = samples.iter().map(|(base, ours)| (base.tail(), ours.tail())).collect();
    let until_verified = Comparison {
        what: format!("1 MiB out of {size}: time until all of it is opened"),
        target: Target::Informative,
        ..comparison
    };
    let mut outcomes = vec![firsts, until_verified.outcome(&wholes)];
    outcomes.extend(extra_reads(&world, &opened, length).await?);
    Ok(outcomes)
}

fn somewhere(length: u64) -> std::ops::Range<u64> {
    let from = u64::from_le_bytes(rng::bytes()) % (length - RANGE_BYTES);
    from..from + RANGE_BYTES
}

async fn raw_ranges(raw: &Raw, length: u64) -> Result<Sample> {
    let (mut first_s, mut whole_s) = (0.0, 0.0);
    for _ in 0..RANGES {
        let start = Moment::now();
        let mut first = None;
        raw.range(somewhere(length), &mut |_| first = first.or(Some(start.elapsed().as_secs_f64()))).await?;
        whole_s += start.elapsed().as_secs_f64();
        first_s += first.context("no byte came")?;
    }
    Ok(Sample { wall_s: first_s / RANGES as f64, tail_s: whole_s / RANGES as f64, cpu_s: 0.0 })
}

async fn our_ranges(opened: &Opened, length: u64) -> Result<Sample> {
    let (mut first_s, mut whole_s) = (0.0, 0.0);
    for _ in 0..RANGES {
        let start = Moment::now();
        let (meter, mut first) = (Meter::default(), None);
        let mut range = std::pin::pin!(opened.range(somewhere(length), &meter));
        // Bytes are counted while the range is polled, so that looking after each poll misses nothing and costs nothing.
        let plain = std::future::poll_fn(|cx| {
            let polled = range.as_mut().poll(cx);
            first = first.or_else(|| (meter.bytes() > 0).then(|| start.elapsed().as_secs_f64()));
            polled
        });
        ensure!(plain.await?.iter().all(|byte| *byte == 0), "a range opens to something else than the file holds");
        whole_s += start.elapsed().as_secs_f64();
        first_s += first.context("no byte came")?;
    }
    Ok(Sample { wall_s: first_s / RANGES as f64, tail_s: whole_s / RANGES as f64, cpu_s: 0.0 })
}

/// What is fetched and what the service reads beyond the bytes that were asked for, in chunks.
async fn extra_reads(world: &World, opened: &Opened, length: u64) -> Result<Vec<Outcome>> {
    let (mut fetched, mut read) = (Vec::new(), Vec::new());
    for _ in 0..RANGES {
        let meter = Meter::default();
        let before = cpu::file_bytes_read(world.server.pid())?;
        opened.range(somewhere(length), &meter).await?;
        let chunks = |bytes: u64| (bytes as f64 - RANGE_BYTES as f64) / CHUNK_BYTES as f64;
        fetched.push(chunks(meter.bytes()));
        read.push(chunks(cpu::file_bytes_read(world.server.pid())? - before));
    }
    let (fetched, read) = (Ratio::of(fetched), Ratio::of(read));
    let line = |what: &str, ratio: Ratio| {
        Outcome::new("G7", what, "1 MiB; one chunk (256 KiB) on each side", ratio, Target::AtMost(2.0))
    };
    Ok(vec![
        line("chunks fetched beyond the range", fetched),
        line("chunks that the service reads beyond the range", read),
    ])
}
