//! The baseline of uploads: a file copied to two directories at once, as plainly as it can be done with the durability
//! that a zone gives. Each piece of a part's size is a file, synced with its directory before the next begins, just as
//! a zone acknowledges parts one by one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use siegel_domain::limits::PART_SEALED_BYTES;

/// Copies `input` to both directories, each on a thread of its own.
pub(crate) fn copy_to_both(input: &Path, a: &Path, b: &Path) -> Result<()> {
    std::thread::scope(|scope| {
        let copies = [a, b].map(|to| scope.spawn(|| copy(input, to)));
        copies.into_iter().try_for_each(|copy| copy.join().map_err(|_| anyhow!("a copy panicked"))?)
    })
}

fn copy(input: &Path, to: &Path) -> Result<()> {
    let mut from = File::open(input).with_context(|| format!("open {}", input.display()))?;
    let mut piece = vec![0; PART_SEALED_BYTES];
    std::fs::create_dir_all(to)?;
    for number in 0.. {
        let length = fill(&mut from, &mut piece)?;
        if length == 0 {
            break;
        }
        write_durably(&to.join(number.to_string()), &piece[..length])?;
    }
    Ok(())
}

/// A new file with `bytes`, synced, and its directory too.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create_new(path).with_context(|| format!("make {}", path.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    File::open(path.parent().context("a file lies in a directory")?)?.sync_all()?;
    Ok(())
}

fn fill(from: &mut File, buffer: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}
