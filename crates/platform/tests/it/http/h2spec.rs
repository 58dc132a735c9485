//! FAULTS F26: conformance by the public suite, if it is installed: `go install github.com/summerwind/h2spec/cmd/h2spec@latest`,
//! then `H2SPEC=~/go/bin/h2spec cargo test -p siegel-platform --test it h2spec -- --ignored`.

use std::process::Command;
use std::sync::Arc;

use siegel_domain::Timestamp;
use siegel_platform::clock::ManualClock;
use siegel_platform::http::{Limits, Transport};

use super::server::{Served, serve, serve_with};
use super::tls::open;

async fn run(server: &Served, tls: &[&'static str]) {
    let program = std::env::var("H2SPEC").expect("H2SPEC names the program h2spec");
    let (port, tls) = (server.address.port().to_string(), tls.to_vec());
    let output = tokio::task::spawn_blocking(move || {
        Command::new(program).args(["-h", "127.0.0.1", "-p", &port, "-o", "5"]).args(tls).output().unwrap()
    });
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs h2spec"]
async fn f26_h2spec_finds_no_failure() {
    run(&serve().await, &[]).await;
    let dir = tempfile::tempdir().unwrap();
    let tls = Arc::new(open(dir.path(), &ManualClock::new(Timestamp(1_700_000_000_000)), &[]).unwrap());
    run(&serve_with(Limits::default(), |_| Transport::Tls(tls)).await, &["-t", "-k"]).await;
}
