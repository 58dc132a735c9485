//! G22: the second start on an existing directory, and memory at rest. Absolute goals: ready within 80 ms, and 100 MiB: 20
//! for each of the five services that share the process, and none for the dealer API beside them.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use siegel_client::time::{Moment, sleep};

use crate::data::{self, Place};
use crate::outcome::{Outcome, Ratio, Target};
use crate::server::{Server, Transport};
use crate::settings::Settings;
use crate::{cpu, tell};

const READY_MS: f64 = 80.0;
const RESIDENT_MIB: f64 = 100.0;
/// How long a server rests before its memory is looked at.
const REST: Duration = Duration::from_millis(500);

/// Both lines, beside the time of starting `true`.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Outcome>> {
    tell::line("G22: second start / `true`");
    let dir = data::scratch(Place::Disk)?;
    let state = dir.path().join("state");
    drop(Server::start(&state, Transport::Tls)?); // the first start makes keys, certificates and databases
    drop(Server::start(&state, Transport::Tls)?); // and one that nobody measures
    let (mut ready, mut bare, mut cpu_s, mut idle) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for pair in 1..=settings.pairs {
        let start = Moment::now();
        Command::new("true").status()?;
        bare.push(start.elapsed().as_secs_f64() * 1e3);
        let server = Server::start(&state, Transport::Tls)?;
        cpu_s.push(cpu::of(server.pid())? * 1e3);
        ready.push(server.ready_s * 1e3);
        sleep(REST).await;
        idle.push(cpu::resident_bytes(server.pid())? as f64 / (1024.0 * 1024.0));
        tell::step(&format!("pair {pair} of {}: ready after {:.1} ms", settings.pairs, server.ready_s * 1e3));
    }
    let (bare, ready, cpu_ms, idle) = (Ratio::of(bare), Ratio::of(ready), Ratio::of(cpu_s), Ratio::of(idle));
    let note = format!("`true` takes {:.1} ms; CPU until ready {:.0} ms", bare.median, cpu_ms.median);
    let memory = "resident at rest, MiB, all services in one process";
    Ok(vec![
        Outcome::new("G22", "second start until ready, ms", "absolute", ready, Target::AtMost(READY_MS)).note(note),
        Outcome::new("G22", memory, "absolute", idle, Target::AtMost(RESIDENT_MIB)),
    ])
}
