//! G3, the embedded form: a file sent through the SDK to the real server, which puts it into two local zones, beside two
//! parallel plain copies of the same ciphertext to two directories of the same file system.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use siegel_domain::limits::PART_SEALED_BYTES;

use crate::data::{self, Place};
use crate::outcome::{Outcome, Target};
use crate::pair::{Comparison, Reading, Sample};
use crate::server::Transport;
use crate::settings::Settings;
use crate::worker::{self, Moved};
use crate::world::{World, bytes_below};

/// All lines of G3: on tmpfs and on disk as users have it, and on tmpfs without TLS to see what that costs.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for (place, transport, target) in [
        (Place::Memory, Transport::Tls, Target::AtLeast(0.40)),
        (Place::Memory, Transport::Plain, Target::Informative),
        (Place::Disk, Transport::Tls, Target::AtLeast(0.85)),
    ] {
        outcomes.push(line(settings, place, transport, target).await?);
    }
    Ok(outcomes)
}

async fn line(settings: &Settings, place: Place, transport: Transport, target: Target) -> Result<Outcome> {
    let zones = data::scratch(place)?;
    // The sender's file and notes lie on another machine's disk in life; here in memory, for both sides alike.
    let sender = data::scratch(Place::Memory)?;
    let plain = sender.path().join("recording.bin");
    data::random_file(&plain, settings.bytes)?;
    let ciphertext = sender.path().join("ciphertext");
    worker::measured(worker::command("seal")?.arg(&ciphertext).arg(&plain), &[])?;
    let world = World::start(zones.path(), &sender.path().join("people"), transport).await?;
    let tls = if transport == Transport::Tls { "HTTPS" } else { "plain HTTP" };
    let comparison = Comparison {
        goal: "G3",
        what: format!("upload {} over {tls}, zones {}", data::size(settings.bytes), place.text()),
        baseline: "two parallel copies of the ciphertext, as durable".to_owned(),
        reading: Reading::Speed,
        target,
        bytes: settings.bytes,
        pairs: settings.pairs,
    };
    let copies = zones.path().join("copies");
    comparison.run(|| std::future::ready(copy(&ciphertext, &copies)), || upload(&world, &plain)).await
}

fn copy(ciphertext: &Path, to: &Path) -> Result<Sample> {
    let both: [PathBuf; 2] = ["a", "b"].map(|zone| to.join(zone));
    let mut command = worker::command("copy")?;
    let (sample, ()) = worker::measured_with(command.arg(ciphertext).args(&both), &[], None)?;
    let bytes = std::fs::metadata(ciphertext)?.len();
    for zone in &both {
        ensure!(bytes_below(zone)? == bytes, "{} holds something else than a copy", zone.display());
        ensure!(
            std::fs::read_dir(zone)?.count() as u64 == bytes.div_ceil(PART_SEALED_BYTES as u64),
            "pieces are missing"
        );
    }
    std::fs::remove_dir_all(to)?;
    Ok(sample)
}

/// A file through the SDK and the service; both zones are looked at, a sample is opened, and the record erased.
pub(crate) async fn upload(world: &World, plain: &Path) -> Result<Sample> {
    let before = world.zone_bytes()?;
    let mut command = worker::command("put")?;
    let server = Some(world.server.pid());
    let (sample, sent): (_, Moved) = worker::measured_with(command.arg(&world.sender).arg(plain), &[], server)?;
    world.check(sent.record, plain, before).await?;
    world.erase(sent.record, before).await?;
    Ok(sample)
}
