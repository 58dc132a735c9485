//! CPU seconds, memory and reads from `/proc`: they survive a loaded machine, wall-clock time does not.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Kernel ticks a second, as `/proc/PID/stat` counts (fixed at 100 for user space on Linux).
const TICKS_PER_S: f64 = 100.0;
/// Of the fields behind the program's name in `/proc/PID/stat`: utime and stime; cutime and cstime follow.
const UTIME: usize = 11;

/// CPU seconds of the children that this process has waited for.
pub(crate) fn of_finished_children() -> Result<f64> {
    seconds(Path::new("/proc/self/stat"), UTIME + 2)
}

/// CPU seconds that a running process has used, its finished threads included.
pub(crate) fn of(pid: u32) -> Result<f64> {
    seconds(Path::new(&format!("/proc/{pid}/stat")), UTIME)
}

/// CPU seconds of this thread, to the nanosecond: for work that is done on one.
pub(crate) fn of_this_thread() -> Result<f64> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").context("read this thread's times")?;
    let on_cpu_ns: u64 = times.split_whitespace().next().context("no figure")?.parse()?;
    Ok(on_cpu_ns as f64 / 1e9)
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    status(&pid.to_string(), "VmRSS:")
}

/// The most that was resident since the start or since [`forget_peak`], in bytes.
pub(crate) fn peak_bytes(pid: u32) -> Result<u64> {
    status(&pid.to_string(), "VmHWM:")
}

/// The same of this process.
pub(crate) fn own_peak_bytes() -> Result<u64> {
    status("self", "VmHWM:")
}

/// Lets the peak of a process start anew at what is resident now (`man proc_pid_clear_refs`).
pub(crate) fn forget_peak(pid: u32) -> Result<()> {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").context("reset the peak of a process' memory")
}

/// Bytes that a process read from files so far; what came from sockets is not counted.
pub(crate) fn file_bytes_read(pid: u32) -> Result<u64> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).context("read what a process has read")?;
    field(&io, "rchar:")
}

fn status(process: &str, name: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("read the memory of a process")?;
    Ok(field(&status, name)? * 1024)
}

fn field(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
    Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
}

fn seconds(stat: &Path, from: usize) -> Result<f64> {
    let stat = std::fs::read_to_string(stat).with_context(|| format!("read {}", stat.display()))?;
    // The name in parentheses may hold spaces: the fields are counted from behind it.
    let rest = stat.rsplit_once(')').context("no name in stat")?.1;
    let fields: Vec<u64> = rest.split_whitespace().skip(from).take(2).map(str::parse).collect::<Result<_, _>>()?;
    let [user, system] = fields[..] else { anyhow::bail!("short stat") };
    Ok((user + system) as f64 / TICKS_PER_S)
}
