//! G2: sealing a 1 GiB file to a file, beside `age -r` on the same file: each a process of its own, CPU by rusage.

use std::fs::File;
use std::io::{BufWriter, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use siegel_client::rng::system;
use siegel_crypto::RecordSealer;
use siegel_domain::limits::{PART_PLAINTEXT_BYTES, PART_SEALED_BYTES};

use crate::data::{self, Place};
use crate::outcome::{Outcome, Target};
use crate::pair::{Comparison, Reading};
use crate::settings::Settings;
use crate::{g1, worker};

/// What the worker does: seals `input` part by part into `output`. The output comes first, as for `age -o`.
pub(crate) fn seal_file(output: &Path, input: &Path) -> Result<()> {
    let file = File::open(input).context("open the input")?;
    let mut left = file.metadata()?.len();
    let mut out = BufWriter::with_capacity(PART_SEALED_BYTES, File::create(output).context("create the output")?);
    let sealer = RecordSealer::new(g1::context(), &mut system());
    let mut part = Vec::with_capacity(PART_SEALED_BYTES);
    let mut number = 0;
    loop {
        let take = left.min(PART_PLAINTEXT_BYTES as u64);
        left -= take;
        sealer.seal_part_from(number, left == 0, take as usize, (&file).take(take), &mut system(), &mut part)?;
        out.write_all(&part)?;
        number += 1;
        if left == 0 {
            return out.flush().context("write the output");
        }
    }
}

/// A key of age's, made in `place`; whom to seal to.
pub(crate) fn recipient(place: &Path) -> Result<String> {
    let identity = place.join("age.key");
    let made = Command::new("age-keygen").arg("-o").arg(&identity).stderr(Stdio::null()).status();
    ensure!(made.context("age is needed: apt-get install age")?.success(), "age-keygen failed");
    let recipient = Command::new("age-keygen").arg("-y").arg(&identity).output()?;
    Ok(String::from_utf8(recipient.stdout)?.trim().to_owned())
}

/// Wall clock, and CPU seconds.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Outcome>> {
    let dir = data::scratch(Place::Memory)?;
    let input = dir.path().join("plain");
    data::random_file(&input, settings.bytes)?;
    let recipient = recipient(dir.path())?;
    let (theirs, ours) = (dir.path().join("age"), dir.path().join("siegel"));
    let comparison = Comparison {
        goal: "G2",
        what: format!("seal {} to a file", data::size(settings.bytes)),
        baseline: "age -r".to_owned(),
        reading: Reading::Time,
        target: Target::AtMost(0.6),
        bytes: settings.bytes,
        pairs: settings.pairs,
    };
    // Each writes a new file: freeing the old one's pages belongs to neither.
    let sealed = |command: &mut Command, output: &Path| {
        let (sample, _) = worker::measured(command.arg(output).arg(&input), &[])?;
        ensure!(std::fs::metadata(output)?.len() > settings.bytes, "{} is too short", output.display());
        std::fs::remove_file(output)?;
        Ok(sample)
    };
    let age = || sealed(Command::new("age").args(["-r", &recipient, "-o"]), &theirs);
    let siegel = || sealed(&mut worker::command("seal")?, &ours);
    let samples = comparison.samples(|| std::future::ready(age()), || std::future::ready(siegel())).await?;
    let mut outcomes = vec![comparison.outcome(&samples)];
    outcomes.extend(comparison.cpu_outcome(&samples, Target::AtMost(0.5)));
    Ok(outcomes)
}
