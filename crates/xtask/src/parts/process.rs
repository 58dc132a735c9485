//! Processes that outlive the command that started them, found again by number *and* start time: `down` must end what `up`
//! started, and never a stranger that was given the same number since.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::identity::Identity;
use super::wait::{self, Patience};

/// A log above this is set aside when its process starts anew.
const LOG_BYTES: u64 = 20_000_000;
/// How much of a log is shown when its process did not come up.
const LAST_LINES: usize = 15;

/// One process in a directory of records and one of logs.
pub(crate) struct Process {
    record: PathBuf,
    log: PathBuf,
}

impl Process {
    pub(crate) fn new(records: &Path, logs: &Path, name: &str) -> Self {
        Self { record: records.join(format!("{name}.pid")), log: logs.join(format!("{name}.log")) }
    }

    /// Whether it was started, and not ended by us since.
    pub(crate) fn started(&self) -> bool {
        self.record.is_file()
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

    /// Ends it: asks first, insists after a while. Answers whether there was anything to end.
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
