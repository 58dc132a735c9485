//! G3, G4 and G5 on two S3 zones: a file through the SDK and the service, beside the same ciphertext put straight into both
//! zones, and beside what people do today. CPU is that of clients and service; the S3 servers are the same for all.

use std::path::Path;

use anyhow::{Result, ensure};
use siegel_client::api::tenants::Durability;

use super::Ground;
use super::rclone::Rclone;
use super::zones::Raw;
use crate::data::{self, Place};
use crate::g3::upload;
use crate::outcome::{Outcome, Target};
use crate::pair::{Comparison, Reading};
use crate::settings::Settings;
use crate::worker;
use crate::world::{World, bytes_below};

/// All three.
pub(crate) async fn run(settings: &Settings, shared: &Path) -> Result<Vec<Outcome>> {
    let place = data::scratch(Place::Memory)?;
    let ground = Ground::on(shared, place.path(), false)?;
    let plain = place.path().join("recording.bin");
    data::random_file(&plain, settings.bytes)?;
    let ciphertext = place.path().join("ciphertext");
    worker::measured(worker::command("seal")?.arg(&ciphertext).arg(&plain), &[])?;
    let world = World::on_parts(&ground, place.path(), Durability::Strict).await?;
    let rclone = Rclone::new(&ground, place.path())?;
    let zones = ground.zones().map(|zone| zone.join(&rclone.bucket));
    let comparison = |goal, baseline: &str, target| Comparison {
        goal,
        what: format!("upload {} over HTTPS, S3 zones on tmpfs", data::size(settings.bytes)),
        baseline: baseline.to_owned(),
        reading: Reading::Speed,
        target,
        bytes: settings.bytes,
        pairs: settings.pairs,
    };
    // What the other side wrote, at least the plaintext's size in each zone; then it is taken away.
    let written = async || -> Result<()> {
        for zone in &zones {
            let bytes = bytes_below(zone)?;
            ensure!(bytes >= settings.bytes, "{bytes} bytes lie in {} after a copy", zone.display());
        }
        rclone.empty()
    };
    let mut outcomes = Vec::new();

    let direct = comparison("G3", "the same ciphertext put straight into both zones", Target::AtLeast(0.55));
    let baseline = async || {
        let mut command = worker::command("put-raw")?;
        command.arg(&ground.file).arg(&rclone.bucket).arg(&ciphertext);
        let (sample, ()) = worker::measured_with(&mut command, &[], None)?;
        written().await?;
        Ok(sample)
    };
    outcomes.push(direct.run(baseline, || upload(&world, &plain)).await?);

    let crypt = comparison("G4", "two parallel rclone copy through crypt", Target::Informative);
    let baseline = async || {
        let sample = rclone.copy_sealed(&plain)?;
        written().await?;
        Ok(sample)
    };
    outcomes.push(crypt.run(baseline, || upload(&world, &plain)).await?);

    let recipient = crate::g2::recipient(place.path())?;
    let age = comparison("G5", "age into rclone rcat, for each zone", Target::Informative);
    let baseline = async || {
        let sample = rclone.age(&plain, &recipient)?;
        written().await?;
        Ok(sample)
    };
    outcomes.push(age.run(baseline, || upload(&world, &plain)).await?);
    Ok(outcomes)
}

/// The baseline's worker.
pub(crate) async fn put_raw(parts: &Path, bucket: &str, input: &Path) -> Result<()> {
    Raw::open(&Ground::open(parts)?.parts, bucket)?.put_file("piece", input).await
}
