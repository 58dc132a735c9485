//! `cargo xtask bench`: the load generator and the programs it measures, from one release build, with the caller's arguments.
//! The goals on real parts get parts of their own, in memory or on disk as each goal asks.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::needs::{self, Need};
use crate::parts;
use crate::tree;
use crate::work::Work;

/// The places of parts, as siegel-loadtest calls them, and where that is: below the build's directory, unless absolute.
const PLACES: [(&str, &str); 2] = [("tmpfs", "/dev/shm/siegel-bench-parts"), ("disk", "xtask/bench-parts")];

/// The verb.
pub(crate) fn run(on_parts: bool, args: &[String]) -> Result<()> {
    let only_asks = args.iter().any(|arg| matches!(arg.as_str(), "--help" | "-h" | "--list"));
    let mut needed = vec![Need::Rdkafka];
    if !only_asks {
        needed.push(Need::Age);
    }
    if on_parts && !only_asks {
        needed.push(Need::Rclone);
        needed.extend(parts::NEEDS);
    }
    needs::provide("bench", &needed)?;
    println!("building siegel-loadtest, siegel-server and siegel-admin for release; the first time takes minutes");
    // One selection of packages: features, and so what is measured, are the same whoever builds.
    let packages = ["--package", "siegel-loadtest", "--package", "siegel-server", "--package", "siegel-admin"];
    let features = ["--features", "siegel-admin/real"];
    let built = tree::cargo(["build", "--release", "--locked", "--bins"]).args(packages).args(features).status()?;
    ensure!(built.success(), "the release build ended with {built}");
    if !on_parts {
        return end(loadtest().args(args));
    }
    let mut work = Work::new("bench")?;
    for (place, directory) in PLACES {
        let with = |file: &Path| {
            let mut command = loadtest();
            command.arg("--parts").arg(file).args(["--on", place]).args(args);
            command
        };
        let nowhere = Path::new("parts.toml");
        if only_asks {
            end(&mut with(nowhere))?;
            continue;
        }
        // Parts that nothing is measured on are not started.
        let listed = with(nowhere).arg("--list").output().context("start siegel-loadtest")?;
        ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        if !listed.stdout.is_empty() {
            println!("starting PostgreSQL, Kafka, S3 and OpenBao; the log is {}", work.path().display());
            let directory = tree::target().join(directory);
            parts::on_parts_of_its_own(&mut work, &directory, |_, file| end(&mut with(file)))?;
        }
    }
    Ok(())
}

fn loadtest() -> Command {
    tree::program(tree::target().join("release").join("siegel-loadtest"))
}

fn end(command: &mut Command) -> Result<()> {
    let status = command.status().context("start siegel-loadtest")?;
    ensure!(status.success(), "siegel-loadtest ended with {status}");
    Ok(())
}
