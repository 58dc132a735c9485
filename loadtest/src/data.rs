//! What is measured with: random bytes (nobody wins by compression) on tmpfs where there is one.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use siegel_client::rng;
use tempfile::TempDir;

/// A directory on tmpfs if the machine has one, else on disk.
pub(crate) fn scratch() -> Result<TempDir> {
    let shm = Path::new("/dev/shm");
    let builder = || tempfile::Builder::new().prefix("siegel-bench-").to_owned();
    if shm.is_dir() { builder().tempdir_in(shm) } else { builder().tempdir() }.context("make a scratch directory")
}

/// A directory on disk.
pub(crate) fn scratch_on_disk() -> Result<TempDir> {
    tempfile::Builder::new().prefix("siegel-bench-").tempdir_in(".").context("make a scratch directory")
}

/// A file of random bytes.
pub(crate) fn random_file(path: &Path, bytes: u64) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut stream = blake3::Hasher::new_keyed(&rng::bytes()).finalize_xof();
    let mut buffer = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let take = left.min(buffer.len() as u64) as usize;
        stream.fill(&mut buffer[..take]);
        out.write_all(&buffer[..take])?;
        left -= take as u64;
    }
    out.flush().context("write random bytes")
}
