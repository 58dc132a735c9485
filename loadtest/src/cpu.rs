//! CPU seconds from `/proc`: they survive a loaded machine, wall-clock time does not.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Kernel ticks a second, as `/proc/PID/stat` counts (fixed at 100 for user space on Linux).
const TICKS_PER_S: f64 = 100.0;

/// CPU seconds a process has used so far, in user and kernel mode.
pub fn of_process(pid: u32) -> Result<f64> {
    let (own, _) = read(Path::new(&format!("/proc/{pid}/stat")))?;
    Ok(own)
}

/// CPU seconds of this process.
pub fn of_self() -> Result<f64> {
    Ok(read(Path::new("/proc/self/stat"))?.0)
}

/// CPU seconds of the children that this process has waited for.
pub fn of_finished_children() -> Result<f64> {
    Ok(read(Path::new("/proc/self/stat"))?.1)
}

/// Resident memory of a process in bytes: now, and at its highest (`VmHWM`).
pub fn resident_bytes(pid: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("read the memory of a process")?;
    let field = |name: &str| -> Result<u64> {
        let line = status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        let kib: u64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
        Ok(kib * 1024)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// Forgets the highest resident size seen so far, so that the next reading covers one phase only.
pub fn reset_peak(pid: u32) -> Result<()> {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").context("reset the memory mark")
}

fn read(path: &Path) -> Result<(f64, f64)> {
    let stat = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    // The name in parentheses may hold spaces: the fields are counted from behind it. utime is the 14th of all.
    let rest = stat.rsplit_once(')').context("no name in stat")?.1;
    let fields: Vec<u64> = rest.split_whitespace().skip(11).take(4).map(str::parse).collect::<Result<_, _>>()?;
    let [user, system, child_user, child_system] = fields[..] else { anyhow::bail!("short stat") };
    Ok(((user + system) as f64 / TICKS_PER_S, (child_user + child_system) as f64 / TICKS_PER_S))
}
