//! Traces, in the collector that administrators run: `cargo xtask test --only traces` builds what `infra/collector` pins
//! and runs this. By hand: `SIEGEL_COLLECTOR=… cargo test --workspace --test e2e -- --ignored collector`.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_e2e::{NAMES, PASSWORD, World, canary_hits};

use crate::support::content;

/// Texts that no span may hold.
const NAME: &str = "Erika-Mustermann-1958.edf";
const NOTE: &str = "Verdacht auf Vorhofflimmern";

/// The collector of `infra/collector`, writing what it gets into a file. Killed when dropped.
struct Collector {
    address: String,
    told: PathBuf,
    child: Child,
}

impl Collector {
    async fn start(dir: &Path) -> Self {
        let program = std::env::var_os("SIEGEL_COLLECTOR").expect("SIEGEL_COLLECTOR names the collector's program");
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let (config, told) = (dir.join("collector.yml"), dir.join("told"));
        let text = include_str!("../../../../infra/collector/config.yml").replace("127.0.0.1:4317", &address);
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program);
        command.arg("--config").arg(config).stdin(Stdio::null());
        command.stdout(File::create(&told).unwrap()).stderr(File::create(dir.join("complaints")).unwrap());
        let mut collector = Self { address, told, child: command.spawn().unwrap() };
        for _ in 0..2_000 {
            if TcpStream::connect(&collector.address).is_ok() {
                return collector;
            }
            assert!(collector.child.try_wait().unwrap().is_none(), "the collector ended: {}", dir.display());
            siegel_e2e::moment(Duration::from_millis(10)).await;
        }
        panic!("the collector did not listen within 20 s");
    }

    /// Until the spans so far are what the test waits for: services hear of a record each in its own time, and send what
    /// they have every few seconds.
    async fn heard(&self, enough: impl Fn(&[Span]) -> bool) {
        for _ in 0..600 {
            if enough(&self.spans()) {
                return;
            }
            siegel_e2e::moment(Duration::from_millis(50)).await;
        }
        panic!("the collector did not hear of it within 30 s: {:#?}", self.spans());
    }

    /// Every span so far.
    fn spans(&self) -> Vec<Span> {
        let text = std::fs::read_to_string(&self.told).unwrap();
        let (mut spans, mut service) = (Vec::new(), "");
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("-> service.name: Str(") {
                service = name.trim_end_matches(')');
            } else if let Some(id) = field(line, "Trace ID") {
                spans.push(Span { service: service.to_owned(), trace: id.to_owned(), name: String::new() });
            } else if let (Some(name), Some(span)) = (field(line, "Name"), spans.last_mut()) {
                name.clone_into(&mut span.name);
            }
        }
        spans
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Span {
    service: String,
    trace: String,
    name: String,
}

/// `Name           : what it says`.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name)?.trim_start().strip_prefix(": ")
}

/// The services that one trace of an upload goes through; none while the collector knows of no upload.
fn services_of_upload(spans: &[Span]) -> BTreeSet<&str> {
    let is_upload = |span: &&Span| span.service == "siegel-upload" && span.name == "POST /v1/records/small";
    let Some(upload) = spans.iter().find(is_upload) else { return BTreeSet::new() };
    spans.iter().filter(|span| span.trace == upload.trace).map(|span| span.service.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the OpenTelemetry collector: cargo xtask test --only traces"]
async fn f40_a_collector_gets_one_upload_as_one_trace_through_the_services_and_nobodys_data() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(dir.path()).await;
    let settings = format!("[telemetry]\nsample = 1.0\notlp_endpoint = \"http://{}\"\n", collector.address);
    let world = World::of_programs(&settings).await.unwrap();
    let centre = world.centre("herzzentrum").await.unwrap();
    let (owner, sender) = (&centre.owner.session, world.sender(&centre, ReturnReport::Always).await.unwrap().session);
    let mut events = owner.events(None);
    events.listen().await.unwrap();
    let sent = sender.upload_bytes(b"0815-canary-plaintext".to_vec(), NAME).note(NOTE).send().await.unwrap();
    let told = async { while events.next().await.unwrap().kind != "siegel.record.committed.v1" {} };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    content(owner, sent.record, &world.outside("got")).await.unwrap();
    let expected = BTreeSet::from(["siegel-key-directory", "siegel-notification", "siegel-retention", "siegel-upload"]);
    collector.heard(|spans| services_of_upload(spans) == expected).await;
    // Each sends what is left of its spans when it stops.
    world.stop().await.unwrap();

    let spans = collector.spans();
    let all: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(all, NAMES.map(|name| format!("siegel-{name}")).iter().map(String::as_str).collect());
    assert_eq!(services_of_upload(&spans), expected, "{spans:#?}");

    for canary in [NAME, NOTE, PASSWORD, "0815-canary", "Adler", "inhaberin", "Herzzentrum", "K-4711"] {
        assert!(canary_hits(dir.path(), canary.as_bytes()).is_empty(), "{canary} went to the collector");
    }
}
