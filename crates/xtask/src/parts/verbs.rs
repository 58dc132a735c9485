//! `cargo xtask up`, `down`, `status`, `logs`.

use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};

use super::site::Site;
use super::{ALWAYS, PARTS, Part, file, identity, programs, tls};
use crate::needs;
use crate::work::{Stopwatch, Work};

/// Lines of each log that `logs` shows.
const SHOWN: usize = 40;

/// Starts the parts, all at once; those that run are left as they are. The platform's own programs if they are asked for.
pub(crate) fn up(only: &[String], programs: bool) -> Result<()> {
    let mut parts = chosen(only)?;
    if programs {
        parts.push(&programs::PART);
    }
    let needed: Vec<_> = parts.iter().flat_map(|part| part.needs).copied().collect();
    needs::provide("up", &needed)?;
    let site = Site::own()?;
    for part in &parts {
        provide(part)?;
    }
    if programs {
        programs::build()?;
    }
    tls::make_ca(&site)?;
    // Written first: it names every part, and all its credentials are ours to draw.
    let file = file::write(&site)?;

    println!("\nstarting {} parts; logs in {}\n", parts.len(), site.path("log").display());
    let watch = Stopwatch::start();
    let failed = start_all(&site, &parts);
    if !failed.is_empty() {
        bail!("{}\ncargo xtask down ends what did come up", failed.join("\n\n"));
    }
    println!("\nup after {:.1} s; where everything is: {}", watch.elapsed().as_secs_f64(), file.display());
    Ok(())
}

/// In a thread each, since each mostly waits for its own processes. Answers with what failed.
fn start_all(site: &Site, parts: &[&Part]) -> Vec<String> {
    thread::scope(|scope| {
        let start = |part: &Part| {
            let watch = Stopwatch::start();
            let came = (part.start)(site);
            let took = watch.elapsed().as_secs_f64();
            match &came {
                Ok(at) => println!("{:<10} {took:>5.1} s  {at}", part.name),
                Err(_) => println!("{:<10} {took:>5.1} s  FAILED", part.name),
            }
            came.err().map(|error| format!("{}: {error:#}", part.name))
        };
        let running: Vec<_> = parts.iter().map(|part| scope.spawn(move || start(part))).collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended.filter_map(|ended| ended.unwrap_or_else(|_| Some("a part's start panicked".into()))).collect()
    })
}

/// Ends everything that `up` started; `wipe` also forgets its state.
pub(crate) fn down(wipe: bool) -> Result<()> {
    let site = Site::own()?;
    let watch = Stopwatch::start();
    let mut failed = Vec::new();
    for part in PARTS.iter().rev() {
        let watch = Stopwatch::start();
        match end(&site, part) {
            Ok(0) => {}
            Ok(count) => println!("{:<10} {:>5.1} s  {count} ended", part.name, watch.elapsed().as_secs_f64()),
            Err(error) => failed.push(format!("{}: {error:#}", part.name)),
        }
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    let kept = site.directory().display().to_string();
    if wipe {
        site.wipe()?;
    }
    let state = if wipe { "gone" } else { "kept" };
    println!("down after {:.1} s; the state in {kept} is {state}", watch.elapsed().as_secs_f64());
    Ok(())
}

/// All of a part's processes at once, the ones that started last asked first.
fn end(site: &Site, part: &Part) -> Result<usize> {
    let ended: Vec<Result<bool>> = thread::scope(|scope| {
        let asked: Vec<_> =
            part.processes.iter().rev().map(|name| scope.spawn(move || site.process(name).end())).collect();
        asked.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("ending it panicked"))).collect()
    });
    (part.after)(site)?;
    ended.into_iter().try_fold(0, |count, ended| Ok(count + usize::from(ended?)))
}

/// A line for each process; an error if any is not as it should be.
pub(crate) fn status() -> Result<()> {
    let site = Site::open()?;
    let mut wrong = 0;
    for part in PARTS {
        for name in part.processes {
            let process = site.process(name);
            let line = match process.pid() {
                None if !process.started() => Ok("not started".into()),
                None => Err(anyhow::anyhow!("down")),
                Some(pid) => {
                    (part.look)(&site, name).map(|seen| format!("up    {:>5} MB  {seen}", identity::megabytes(pid)))
                }
            };
            match line {
                Ok(line) => println!("{name:<21} {line}"),
                Err(error) => {
                    wrong += 1;
                    println!("{name:<21} {error:#}");
                }
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} processes are down or do not answer: cargo xtask up, cargo xtask logs");
    }
    Ok(())
}

/// The last lines of the logs whose name begins as asked; `follow` goes on showing what is added.
pub(crate) fn logs(name: Option<&str>, follow: bool) -> Result<()> {
    let site = Site::open()?;
    let asked = |process: &&&str| name.is_none_or(|name| process.starts_with(name));
    let of_part = PARTS.iter().filter(|part| Some(part.name) == name).flat_map(|part| part.processes);
    let mut processes: Vec<_> = of_part.collect();
    if processes.is_empty() {
        processes = PARTS.iter().flat_map(|part| part.processes).filter(asked).collect();
    }
    if processes.is_empty() {
        let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        bail!("no such part; there are {}", names.join(", "));
    }
    if follow {
        let files = processes.iter().map(|name| site.path(&format!("log/{name}.log")));
        Command::new("tail").args(["-n", "5", "-F"]).args(files).status().context("run tail")?;
        return Ok(());
    }
    for name in processes {
        println!("== {name} ==\n{}", site.process(name).last_lines(SHOWN));
    }
    Ok(())
}

/// The parts of these names and the fronts; all of them if none is named.
fn chosen(only: &[String]) -> Result<Vec<&'static Part>> {
    let parts = || PARTS.iter().filter(|part| part.name != programs::PART.name);
    if let Some(unknown) = only.iter().find(|name| !parts().any(|part| part.name == *name)) {
        let names: Vec<_> = parts().map(|part| part.name).collect();
        bail!("there is no part {unknown}; there are {}", names.join(", "));
    }
    let wanted = |part: &&Part| {
        // PostgreSQL's supervisors elect in etcd.
        let below = part.name == "etcd" && only.iter().any(|name| name == "postgres");
        only.is_empty() || below || ALWAYS.contains(&part.name) || only.iter().any(|name| name == part.name)
    };
    Ok(parts().filter(wanted).collect())
}

/// Sees that a part's programs are in the cache.
fn provide(part: &Part) -> Result<()> {
    for tool in part.tools.iter().filter(|tool| !tool.found()) {
        let Ok(home) = tool.home() else { continue };
        println!("making {} {} in {} …", tool.name, tool.version, home.display());
        let watch = Stopwatch::start();
        let mut work = Work::new(&format!("make {}", tool.name))?;
        let made = tool.provide(&mut work);
        made.with_context(|| format!("make {} {}; see {}", tool.name, tool.version, work.path().display()))?;
        println!("  done in {:.0} s", watch.elapsed().as_secs_f64());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_brings_what_it_stands_on() {
        let names = |only: &[&str]| -> Vec<_> {
            let only: Vec<_> = only.iter().map(|name| (*name).to_owned()).collect();
            chosen(&only).unwrap().iter().map(|part| part.name).collect()
        };
        assert_eq!(names(&["s3"]), ["toxiproxy", "haproxy", "s3"]);
        assert_eq!(names(&["postgres"]), ["toxiproxy", "haproxy", "etcd", "postgres"]);
        assert_eq!(names(&[]).len(), PARTS.len() - 1, "all but the platform itself");
        assert!(chosen(&["s4".into()]).is_err());
    }
}
