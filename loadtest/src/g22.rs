//! G22: the second start on an existing directory, and memory at rest. An absolute goal: ready within 80 ms, at most 20 MiB for
//! each of the five services that share the process.

use std::process::Command;

use anyhow::Result;
use siegel_client::time::Moment;

use crate::pair::{Outcome, Ratio};
use crate::server::Server;
use crate::{cpu, data};

const READY_S: f64 = 0.080;
const SERVICES: f64 = 5.0;
const IDLE_BYTES: f64 = SERVICES * 20.0 * 1024.0 * 1024.0;

/// Both lines, beside the time of starting `true`.
pub(crate) async fn run(pairs: usize) -> Result<Vec<Outcome>> {
    let dir = data::scratch_on_disk()?;
    let state = dir.path().join("state");
    drop(Server::start(&state)?); // the first start makes keys, certificates and databases
    let (mut ready, mut bare, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        let start = Moment::now();
        Command::new("true").status()?;
        bare.push(start.elapsed().as_secs_f64());
        let server = Server::start(&state)?;
        ready.push(server.ready_s);
        idle.push(cpu::resident_bytes(server.pid())? as f64);
    }
    let bare = Ratio::of(bare);
    let (ready, idle) = (Ratio::of(ready), Ratio::of(idle));
    let spread = bare.high / bare.low - 1.0;
    let line = |what: &str, ratio: Ratio, bound: f64, target: &str, note: String| Outcome {
        goal: "G22",
        what: what.to_owned(),
        ratio,
        cpu_ratio: None,
        target: target.to_owned(),
        reached: ratio.median <= bound,
        baseline_spread: spread,
        note,
    };
    let mib = |bytes: f64| bytes / (1024.0 * 1024.0);
    Ok(vec![
        line(
            "second start until ready, seconds",
            ready,
            READY_S,
            "<= 0.080 s",
            format!("`true` takes {:.4} s", bare.median),
        ),
        line(
            "resident memory at rest, five services in one process, MiB",
            Ratio { median: mib(idle.median), low: mib(idle.low), high: mib(idle.high) },
            mib(IDLE_BYTES),
            "<= 100 MiB (20 a service)",
            "all services of siegel-server share one process".to_owned(),
        ),
    ])
}
