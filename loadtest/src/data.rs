//! What is measured with: random bytes (nobody wins by compression), in memory or on disk.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use siegel_client::rng;
use tempfile::TempDir;

/// Where something lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Place {
    /// On tmpfs: for throughput, since fresh blocks of a disk are slower than anything that is compared.
    #[value(name = "tmpfs")]
    Memory,
    /// On disk: for durability. Below the current directory, as a temporary directory may itself lie in memory.
    Disk,
}

impl Place {
    /// As the table writes it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Memory => "on tmpfs",
            Self::Disk => "on disk with fsync",
        }
    }
}

/// A directory that is gone when it is dropped.
pub(crate) fn scratch(place: Place) -> Result<TempDir> {
    let directory = match place {
        Place::Memory => Path::new("/dev/shm"),
        Place::Disk => Path::new("target"),
    };
    std::fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    let made = tempfile::Builder::new().prefix("siegel-bench-").tempdir_in(std::path::absolute(directory)?);
    made.with_context(|| format!("make a scratch directory in {}", directory.display()))
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

/// A file of zeros that takes no room: for memory alone, where what the bytes are plays no part once they are sealed.
pub(crate) fn hollow_file(path: &Path, bytes: u64) -> Result<()> {
    File::create(path)?.set_len(bytes).context("make a file with holes")
}

/// A size as the table writes it.
pub(crate) fn size(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    if bytes.is_multiple_of(GIB) { format!("{} GiB", bytes / GIB) } else { format!("{} MiB", bytes >> 20) }
}
