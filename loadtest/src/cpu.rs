//! CPU seconds from `/proc`: they survive a loaded machine, wall-clock time does not.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Kernel ticks a second, as `/proc/PID/stat` counts (fixed at 100 for user space on Linux).
const TICKS_PER_S: f64 = 100.0;

/// CPU seconds of the children that this process has waited for.
pub(crate) fn of_finished_children() -> Result<f64> {
    children(Path::new("/proc/self/stat"))
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("read the memory of a process")?;
    let field = |name: &str| -> Result<u64> {
        let line = status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        let kib: u64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
        Ok(kib * 1024)
    };
    field("VmRSS:")
}

fn children(stat: &Path) -> Result<f64> {
    let stat = std::fs::read_to_string(stat).with_context(|| format!("read {}", stat.display()))?;
    // The name in parentheses may hold spaces: the fields are counted from behind it. cutime is the 16th of all.
    let rest = stat.rsplit_once(')').context("no name in stat")?.1;
    let fields: Vec<u64> = rest.split_whitespace().skip(13).take(2).map(str::parse).collect::<Result<_, _>>()?;
    let [user, system] = fields[..] else { anyhow::bail!("short stat") };
    Ok((user + system) as f64 / TICKS_PER_S)
}
