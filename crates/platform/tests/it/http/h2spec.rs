//! FAULTS F26: conformance by the public suite: `cargo xtask test --only HTTP/2` builds what `tools/h2spec` pins and runs
//! this. By hand: `H2SPEC=~/go/bin/h2spec cargo test --workspace --test it -- --ignored h2spec`.

use std::process::Command;
use std::sync::Arc;

use siegel_platform::clock::{Clock, ManualClock, SystemClock};
use siegel_platform::http::{Limits, Transport};

use super::server::{Served, serve_with};
use super::tls::open;

/// Runs the suite, or a part of it, against `path`; the titles of what failed.
async fn failures(server: &Served, path: &'static str, part: Option<&'static str>) -> Vec<String> {
    let program = std::env::var("H2SPEC").expect("H2SPEC names the program h2spec");
    let port = server.address.port().to_string();
    let run = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &port, "-o", "5", "-t", "-k", "--path", path]).args(part);
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    });
    let said = run.await.unwrap();
    assert!(said.contains(" passed, "), "it did not run: {said}");
    let said = said.split("Failures:").nth(1).unwrap_or_default();
    said.lines().filter_map(|line| line.trim().strip_prefix("× ")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs h2spec: cargo xtask test --only HTTP/2"]
async fn f26_h2spec_finds_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let tls = Arc::new(open(dir.path(), &ManualClock::new(SystemClock::new().now()), &[]).await.unwrap());
    let server = serve_with(Limits::default(), async |_: &_| Transport::Tls(tls)).await;
    let mut found = failures(&server, "/any", None).await;
    // Too many streams at once need answers that take their time; `/any` answers before there are too many.
    found.retain(|title| !title.contains("concurrent stream limit to be exceeded"));
    assert_eq!(found, [""; 0]);
    assert_eq!(failures(&server, "/wait", Some("http2/5.1.2")).await, [""; 0]);
}
