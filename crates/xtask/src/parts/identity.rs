//! Which process is meant: its number, when it started, and since which start of the machine. Numbers alone are given anew.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::wait::{self, Patience};

/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(25);

/// What distinguishes a process from every other since the machine was started.
#[derive(PartialEq, Eq, Debug, Clone)]
pub(crate) struct Identity {
    pub(super) pid: u32,
    /// Ticks after the start of the machine.
    pub(super) started: u64,
    /// Which start of the machine.
    boot: String,
}

impl Identity {
    /// Of a process that exists.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let (_, started) = stat(pid)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        Some(Self { pid, started, boot })
    }

    /// Runs, and is not another with the same number. A zombie has ended.
    pub(super) fn alive(&self) -> bool {
        stat(self.pid).is_some_and(|(state, _)| state != 'Z') && Self::of(self.pid).as_ref() == Some(self)
    }

    pub(super) fn end(&self) -> Result<bool> {
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

    pub(super) fn signal(&self, name: &str) -> Result<()> {
        if self.alive() {
            // A shell's own `kill`: the program of that name is not everywhere.
            let script = format!("kill -s {name} {} 2>/dev/null || true", self.pid);
            Command::new("sh").args(["-c", &script]).status().context("run sh")?;
        }
        Ok(())
    }

    pub(super) fn to_text(&self) -> String {
        format!("{} {} {}\n", self.pid, self.started, self.boot)
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
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
