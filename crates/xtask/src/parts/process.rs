//! Processes that outlive the command that started them, found again by number *and* start time: `down` must end what `up`
//! started, and never a stranger that was given the same number since.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::wait::{self, Patience};

/// A log above this is set aside when its process starts anew.
const LOG_BYTES: u64 = 20_000_000;
/// How much of a log is shown when its process did not come up.
const LAST_LINES: usize = 15;
/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(25);

/// One process in a directory of records and one of logs.
pub(crate) struct Process {
    record: PathBuf,
    log: PathBuf,
}

/// What distinguishes a process from every other since the machine was started.
#[derive(PartialEq, Eq, Debug, Clone)]
struct Identity {
    pid: u32,
    /// Ticks after the start of the machine.
    started: u64,
    /// Which start of the machine.
    boot: String,
}

impl Process {
    pub(crate) fn new(records: &Path, logs: &Path, name: &str) -> Self {
        Self { record: records.join(format!("{name}.pid")), log: logs.join(format!("{name}.log")) }
    }

    /// Whether it runs.
    pub(crate) fn alive(&self) -> bool {
        self.identity().is_some_and(|identity| identity.alive())
    }

    /// Its number, if it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.identity().filter(Identity::alive).map(|identity| identity.pid)
    }

    /// Starts it, away from our terminal. Does nothing if it runs. It will listen on `ports`: a stranger there would answer
    /// in its place, and look like it.
    pub(crate) fn start(&self, command: &mut Command, ports: &[(&str, u16)]) -> Result<()> {
        if self.alive() {
            return Ok(());
        }
        for (host, port) in ports {
            let free = TcpListener::bind((*host, *port));
            free.with_context(|| format!("{host}:{port} is taken: by parts of another directory (SIEGEL_PARTS_DIR)?"))?;
        }
        if fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_BYTES) {
            fs::rename(&self.log, self.log.with_extension("log.old"))?;
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = command.spawn().with_context(|| format!("start {program}"))?;
        let identity = Identity::of(child.id()).with_context(|| format!("{program} ended at once"))?;
        fs::write(&self.record, identity.to_text()).with_context(|| format!("write {}", self.record.display()))
    }

    /// Waits until `ready` answers, as long as the process lives; otherwise says what it wrote last.
    pub(crate) fn wait<T>(&self, what: &str, patience: Patience, ready: impl FnMut() -> Option<T>) -> Result<T> {
        let came = wait::until(patience, || self.alive(), ready);
        came.map_err(|gone| {
            let state = if gone.ended { "it ended" } else { "it runs, and does not answer" };
            let log = self.log.display();
            anyhow::anyhow!("{what}: {state}; the last lines of {log}:\n{}", self.last_lines(LAST_LINES))
        })
    }

    /// The last lines of its log.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        // Some parts log in binary when they crash.
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(count));
        last.map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }

    /// Ends it: asks first, insists after [`GRACE`]. Answers whether there was anything to end.
    pub(crate) fn end(&self) -> Result<bool> {
        let Some(identity) = self.identity() else { return Ok(false) };
        let ran = identity.end()?;
        fs::remove_file(&self.record).with_context(|| format!("remove {}", self.record.display()))?;
        Ok(ran)
    }

    fn identity(&self) -> Option<Identity> {
        Identity::from_text(&fs::read_to_string(&self.record).ok()?)
    }
}

/// Ends a process that another of ours had started, such as a server whose supervisor was killed. The caller has
/// made sure that the number is the right one.
pub(crate) fn end_pid(pid: u32) -> Result<bool> {
    Identity::of(pid).map_or(Ok(false), |identity| identity.end())
}

/// Memory that a process and its children hold for themselves, by the kernel's proportional count.
pub(crate) fn megabytes(pid: u32) -> u64 {
    let own = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0)
    };
    let (mut sum, mut open) = (0, vec![pid]);
    while let Some(pid) = open.pop() {
        sum += own(pid);
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        open.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    sum / 1_000
}

impl Identity {
    /// Of a process that exists.
    fn of(pid: u32) -> Option<Self> {
        let (_, started) = stat(pid)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        Some(Self { pid, started, boot })
    }

    /// Runs, and is not another with the same number. A zombie has ended.
    fn alive(&self) -> bool {
        stat(self.pid).is_some_and(|(state, _)| state != 'Z') && Self::of(self.pid).as_ref() == Some(self)
    }

    fn end(&self) -> Result<bool> {
        if !self.alive() {
            return Ok(false);
        }
        self.signal("TERM")?;
        // Tests stop processes to play a black hole; one that is stopped can't end.
        self.signal("CONT")?;
        let gone = |this: &Self| (!this.alive()).then_some(());
        if wait::until(Patience::of(GRACE), || true, || gone(self)).is_ok() {
            return Ok(true);
        }
        self.signal("KILL")?;
        match wait::until(Patience::of(GRACE), || true, || gone(self)) {
            Ok(()) => Ok(true),
            Err(_) => bail!("process {} does not end, not even by SIGKILL", self.pid),
        }
    }

    fn signal(&self, name: &str) -> Result<()> {
        if self.alive() {
            // A shell's own `kill`: the program of that name is not everywhere.
            let script = format!("kill -s {name} {} 2>/dev/null || true", self.pid);
            Command::new("sh").args(["-c", &script]).status().context("run sh")?;
        }
        Ok(())
    }

    fn to_text(&self) -> String {
        format!("{} {} {}\n", self.pid, self.started, self.boot)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (pid, started) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { pid, started, boot: words.next()?.to_owned() })
    }
}

/// State and start time of a process. The name before them may hold spaces and brackets, so reading begins after the last.
fn stat(pid: u32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    // Field 22 of proc(5); the state is the third.
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> (PathBuf, Process) {
        let directory = std::env::temp_dir().join(format!("siegel-process-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let process = Process::new(&directory, &directory, "sleeper");
        (directory, process)
    }

    #[test]
    fn what_was_started_is_found_again_and_ended() {
        let (directory, process) = scratch("ended");
        process.start(Command::new("sleep").arg("600"), &[]).unwrap();
        let pid = process.pid().unwrap();
        process.start(Command::new("sleep").arg("600"), &[]).unwrap();
        assert_eq!(process.pid(), Some(pid), "a second start finds the first");
        assert!(process.end().unwrap());
        assert!(!process.alive());
        assert!(!process.end().unwrap(), "there is nothing left to end");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_stopped_process_ends_all_the_same() {
        let (directory, process) = scratch("stopped");
        process.start(Command::new("sleep").arg("600"), &[]).unwrap();
        process.identity().unwrap().signal("STOP").unwrap();
        assert!(process.end().unwrap());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_stranger_with_the_same_number_is_left_alone() {
        let (directory, process) = scratch("stranger");
        let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
        let mut identity = Identity::of(stranger.id()).unwrap();
        identity.started -= 1;
        fs::write(directory.join("sleeper.pid"), identity.to_text()).unwrap();
        assert!(!process.alive());
        assert!(!process.end().unwrap());
        assert!(stranger.try_wait().unwrap().is_none(), "it still runs");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_port_that_is_taken_is_named_before_anything_starts() {
        let (directory, process) = scratch("taken");
        let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = stranger.local_addr().unwrap().port();
        let error = process.start(Command::new("sleep").arg("600"), &[("127.0.0.1", port)]).unwrap_err();
        assert!(error.to_string().contains("is taken"), "{error}");
        assert!(!process.alive());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_process_that_ends_is_reported_with_its_last_words() {
        let (directory, process) = scratch("words");
        process.start(Command::new("sh").args(["-c", "echo no room left; exit 3"]), &[]).unwrap();
        let error = process.wait("the sleeper", Patience::seconds(20), || None::<()>).unwrap_err().to_string();
        assert!(error.contains("it ended") && error.contains("no room left"), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }
}
