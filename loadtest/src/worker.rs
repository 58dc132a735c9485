//! What is measured runs in processes of its own, so that memory and CPU are counted for it alone: this program starts
//! itself with a hidden word. Each worker prints one line of JSON at its end.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use siegel_client::profile::ProfileDir;
use siegel_client::time::Moment;
use siegel_client::{Meter, Overwrite, Session, SignIn, Unlocked};
use siegel_domain::RecordId;

use crate::pair::Sample;
use crate::{cpu, g2, parts, plain, small, web};

/// The first argument of a worker.
pub(crate) const WORD: &str = "worker";

/// What a worker does.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub(crate) enum Worker {
    /// Seals a file, part by part.
    Seal { output: PathBuf, input: PathBuf },
    /// Copies a file to two directories at once, in pieces that are each made durable.
    Copy { input: PathBuf, a: PathBuf, b: PathBuf },
    /// Sends a file through the SDK.
    Put { profile: PathBuf, input: PathBuf },
    /// Opens a record through the SDK, into a file or into nothing. The member's unlocked keys come on standard input.
    Get { profile: PathBuf, record: RecordId, output: Option<PathBuf> },
    /// Serves a file over HTTPS until it is killed.
    Serve { input: PathBuf, ready: PathBuf },
    /// Fetches a file from such a server.
    Fetch { ready: PathBuf, output: PathBuf },
    /// Sends small records through the SDK.
    SmallPut(small::Load),
    /// Writes small files to two directories and a row each into SQLite.
    SmallRaw(small::Load),
    /// Puts a file straight into both zones of a parts file.
    PutRaw { parts: PathBuf, bucket: String, input: PathBuf },
    /// Puts small records into both zones of a parts file, and a row each into PostgreSQL.
    SmallRawParts {
        bucket: String,
        database: String,
        #[command(flatten)]
        load: small::Load,
    },
    /// Does that for clients over HTTPS, until it is killed.
    SmallServe { place: PathBuf, ready: PathBuf },
}

/// What a client says at its end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Moved {
    /// The record that was sent or opened.
    pub record: RecordId,
    /// The most memory that was resident.
    pub peak_bytes: u64,
}

/// Does what the hidden words say.
pub(crate) async fn run(words: impl Iterator<Item = std::ffi::OsString>) -> Result<()> {
    match Worker::try_parse_from(words)? {
        Worker::Seal { output, input } => g2::seal_file(&output, &input).and_then(|()| say(&())),
        Worker::Copy { input, a, b } => plain::copy_to_both(&input, &a, &b).and_then(|()| say(&())),
        Worker::Put { profile, input } => {
            let sent = Session::open(profile)?.upload(input).send().await?;
            say(&Moved { record: sent.record, peak_bytes: cpu::own_peak_bytes()? })
        }
        Worker::Get { profile, record, output } => {
            let opened = unlocked(profile)?.open_record(record).await?;
            match output {
                Some(path) => opened.save(&path, Overwrite::Yes, &Meter::default()).await?,
                None => opened.stream(std::io::sink(), "nothing".as_ref(), &Meter::default()).await.map(drop)?,
            }
            say(&Moved { record, peak_bytes: cpu::own_peak_bytes()? })
        }
        Worker::Serve { input, ready } => web::serve(input, &ready).await,
        Worker::Fetch { ready, output } => web::fetch(&ready, &output).await.and_then(|()| say(&())),
        Worker::SmallPut(load) => say(&small::put(load).await?),
        Worker::SmallRaw(load) => say(&small::raw(load).await?),
        Worker::PutRaw { parts, bucket, input } => {
            parts::large::put_raw(&parts, &bucket, &input).await.and_then(|()| say(&()))
        }
        Worker::SmallRawParts { bucket, database, load } => say(&parts::small::raw(&bucket, &database, load).await?),
        Worker::SmallServe { place, ready } => small::serve(&place, &ready).await,
    }
}

/// A member's session without a password: hashing it takes 64 MiB, which is not what is measured.
fn unlocked(profile: PathBuf) -> Result<Session> {
    let mut keys = zeroize::Zeroizing::new(Vec::new());
    std::io::stdin().read_to_end(&mut keys)?;
    let unlocked = Unlocked::from_bytes(&keys).context("the keys on standard input")?;
    Ok(SignIn::at(ProfileDir::at(profile)).unlocked(unlocked)?)
}

#[expect(clippy::print_stdout, reason = "a worker's result, read by the process that started it")]
fn say(result: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(result)?);
    Ok(())
}

/// This program as a worker.
pub(crate) fn command(word: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([WORD, word]).stdin(Stdio::null());
    Ok(command)
}

/// Runs a command to its end; its CPU seconds are what the kernel counted for finished children.
pub(crate) fn measured(command: &mut Command, input: &[u8]) -> Result<(Sample, Vec<u8>)> {
    let before = cpu::of_finished_children()?;
    let start = Moment::now();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("start a process to measure")?;
    child.stdin.take().context("it has an input")?.write_all(input)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "a measured process failed: {}", output.status);
    let wall_s = start.elapsed().as_secs_f64();
    Ok((Sample { wall_s, cpu_s: cpu::of_finished_children()? - before, tail_s: 0.0 }, output.stdout))
}

/// Runs a worker to its end; `server` is the process whose CPU counts as well.
pub(crate) fn measured_with<T: DeserializeOwned>(
    command: &mut Command,
    input: &[u8],
    server: Option<u32>,
) -> Result<(Sample, T)> {
    let used = |pid: Option<u32>| pid.map_or(Ok(0.0), cpu::of);
    let before = used(server)?;
    let (mut sample, said) = measured(command, input)?;
    sample.cpu_s += used(server)? - before;
    Ok((sample, serde_json::from_slice(&said).context("what a worker said")?))
}
