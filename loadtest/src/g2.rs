//! G2: sealing a 1 GiB file to a file, beside `age -r` on the same file: each a process of its own, CPU by rusage.

use std::fs::File;
use std::io::{BufWriter, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use siegel_client::rng::system;
use siegel_client::time::Moment;
use siegel_crypto::RecordSealer;
use siegel_domain::limits::{PART_PLAINTEXT_BYTES, PART_SEALED_BYTES};

use crate::pair::{Comparison, Outcome, Reading, Sample, Target};
use crate::{cpu, data, g1};

/// Name of the hidden command that seals a file in a process of its own.
pub(crate) const SEAL_FILE: &str = "seal-file";

/// What the hidden command does: seals `input` part by part into `output`.
pub(crate) fn seal_file(input: &Path, output: &Path) -> Result<()> {
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

/// The line of G2; wall clock in the ratio, CPU beside it.
pub(crate) async fn run(pairs: usize, bytes: u64) -> Result<Vec<Outcome>> {
    let dir = data::scratch()?;
    let input = dir.path().join("plain");
    data::random_file(&input, bytes)?;
    let identity = dir.path().join("age.key");
    let made = Command::new("age-keygen").arg("-o").arg(&identity).stderr(Stdio::null()).status();
    ensure!(made.context("age is needed: apt-get install age")?.success(), "age-keygen failed");
    let recipient = Command::new("age-keygen").arg("-y").arg(&identity).output()?;
    let recipient = String::from_utf8(recipient.stdout)?.trim().to_owned();
    let own = std::env::current_exe()?;
    let (theirs, ours) = (dir.path().join("age"), dir.path().join("siegel"));
    let comparison = Comparison {
        goal: "G2",
        what: "seal a file to a file / age -r (wall; CPU in its own column)".to_owned(),
        reading: Reading::Time,
        target: Target::AtMost(0.6),
        bytes,
        pairs,
    };
    let outcome = comparison
        .run(
            || std::future::ready(process(Command::new("age").args(["-r", &recipient, "-o"]).arg(&theirs).arg(&input))),
            || std::future::ready(process(Command::new(&own).arg(SEAL_FILE).arg(&input).arg(&ours))),
        )
        .await?;
    Ok(vec![outcome])
}

/// Runs a command to its end and takes its CPU from what the kernel counted for finished children.
fn process(command: &mut Command) -> Result<Sample> {
    let before = cpu::of_finished_children()?;
    let start = Moment::now();
    let status = command.stdout(Stdio::null()).status().context("start a process")?;
    ensure!(status.success(), "a measured process failed: {status}");
    let wall_s = start.elapsed().as_secs_f64();
    Ok(Sample { wall_s, cpu_s: cpu::of_finished_children()? - before })
}
