//! G8: the memory of client and service, at two sizes: it has to be the same, and small. Absolute goals, but for the ratio
//! of the two sizes to each other.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::data::{self, Place};
use crate::outcome::{Outcome, Ratio, Target};
use crate::server::Transport;
use crate::settings::Settings;
use crate::worker::{self, Moved};
use crate::world::World;
use crate::{cpu, tell};

const MIB: f64 = 1024.0 * 1024.0;
const CLIENT_MIB: f64 = 48.0;
const SERVICE_MIB: f64 = 20.0;
/// The record before the one that is measured: a part, and a small one.
const FIRST_BYTES: u64 = 2 * 1024 * 1024;
/// Flat: within ± 5 %.
const FLAT: f64 = 0.05;

/// Peaks of one size, in MiB.
#[derive(Debug, Clone, Copy)]
struct Peaks {
    put: f64,
    get: f64,
    /// The service's, above what it held before.
    taking: f64,
    giving: f64,
    /// The service's whole process while it took.
    service: f64,
}

/// All lines of G8.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Outcome>> {
    let (small, large) = (settings.bytes, settings.large_bytes);
    let sizes = [data::size(small), data::size(large)];
    tell::line(&format!("G8: memory at {} and {}", sizes[0], sizes[1]));
    let (one, ten) = (peaks(small).await?, peaks(large).await?);
    let absolute = |what: &str, small: f64, large: f64, bound: f64| {
        let ratio = Ratio::of(vec![small, large]);
        // The worse of the two counts.
        let worse = Ratio { median: ratio.high, ..ratio };
        let note = format!("{}: {small:.1} MiB, {}: {large:.1} MiB", sizes[0], sizes[1]);
        Outcome::new("G8", what, "MiB", worse, Target::AtMost(bound)).note(note)
    };
    let flat = |what: &str, small: f64, large: f64| {
        let ratio = Ratio::of(vec![large / small]);
        let what = format!("{what}: {} / {}", sizes[1], sizes[0]);
        Outcome::new("G8", &what, "± 5 %", ratio, Target::AtMost(1.0 + FLAT))
    };
    Ok(vec![
        absolute("client that sends, peak", one.put, ten.put, CLIENT_MIB),
        flat("client that sends", one.put, ten.put),
        absolute("client that opens, peak (after login)", one.get, ten.get, CLIENT_MIB),
        flat("client that opens", one.get, ten.get),
        absolute("service, peak above rest while it takes one upload", one.taking, ten.taking, SERVICE_MIB),
        flat("service that takes, whole process", one.service, ten.service),
        absolute("service, peak above rest while it gives one download", one.giving, ten.giving, SERVICE_MIB),
    ])
}

/// A server of its own, a file sent and opened again.
async fn peaks(bytes: u64) -> Result<Peaks> {
    let place = data::scratch(Place::Disk)?;
    let plain = place.path().join("recording.bin");
    data::hollow_file(&plain, bytes)?;
    let world = World::start(place.path(), &place.path().join("people"), Transport::Tls).await?;
    // What a service reads in for its first record (code, database pages) belongs to no single upload.
    let first = place.path().join("first.bin");
    data::hollow_file(&first, FIRST_BYTES)?;
    get(&world, &put(&world, &first)?)?;
    let pid = world.server.pid();
    let before = world.zone_bytes()?;
    let (sent, taking, service) = above_rest(pid, || put(&world, &plain))?;
    world.check(sent.record, &plain, before).await?;
    tell::step(&format!(
        "{} sent and checked: client {:.1} MiB, service +{taking:.1} MiB",
        data::size(bytes),
        mib(sent.peak_bytes)
    ));
    let (opened, giving, _) = above_rest(pid, || get(&world, &sent))?;
    tell::step(&format!("opened: client {:.1} MiB, service +{giving:.1} MiB", mib(opened.peak_bytes)));
    Ok(Peaks { put: mib(sent.peak_bytes), get: mib(opened.peak_bytes), taking, giving, service })
}

/// What `work` gives, how far the process went above its rest meanwhile, and its peak, in MiB.
fn above_rest<T>(pid: u32, work: impl FnOnce() -> Result<T>) -> Result<(T, f64, f64)> {
    cpu::forget_peak(pid)?;
    let rest = mib(cpu::resident_bytes(pid)?);
    let done = work()?;
    let peak = mib(cpu::peak_bytes(pid)?);
    Ok((done, peak - rest, peak))
}

fn put(world: &World, plain: &Path) -> Result<Moved> {
    let mut command = worker::command("put")?;
    Ok(worker::measured_with(command.arg(&world.sender).arg(plain), &[], None)?.1)
}

fn get(world: &World, sent: &Moved) -> Result<Moved> {
    let keys = world.owner.keys().context("the owner has keys")?;
    let mut command = worker::command("get")?;
    command.arg(world.owner.dir().path()).arg(sent.record.to_string());
    Ok(worker::measured_with(&mut command, &keys, None)?.1)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}
