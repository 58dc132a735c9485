//! What a process says of itself. Logs and the panic hook belong to the whole process, so these tests run in a child.

use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use siegel_platform::clock::SystemClock;
use siegel_platform::health::Health;
use siegel_platform::http::{HttpEnv, HttpServer, Limits, Transport};
use siegel_platform::metrics::Metrics;
use siegel_platform::rng::SystemRng;
use siegel_platform::tasks::{Shutdown, Tasks};
use siegel_platform::telemetry::{LogFormat, Telemetry, TelemetryConfig, TraceContext, enter_remote, trace_context};

/// Set in the child.
const CHILD: &str = "SIEGEL_TEST_TELEMETRY_CHILD";

#[test]
fn f40_logs_are_lines_of_ours_without_what_panics_and_libraries_say() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    let me = std::env::current_exe().unwrap();
    let this = "telemetry::f40_logs_are_lines_of_ours_without_what_panics_and_libraries_say";
    let output = Command::new(me).args([this, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("canary"), "{said}");
    let lines: Vec<serde_json::Value> =
        said.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
    let ours = lines.iter().find(|line| line["message"] == "hello").expect("our debug line is there");
    assert_eq!((ours["level"].as_str(), ours["answer"].as_i64()), (Some("DEBUG"), Some(42)));
    assert_eq!(ours["span"]["record"], "rec_1", "a line names the span it belongs to");
    let panic = lines.iter().find(|line| line["message"] == "a panic").expect("the panic's line is there");
    assert!(panic["panic.place"].as_str().unwrap().contains("telemetry.rs"), "{panic}");
}

fn child() {
    let config = TelemetryConfig { format: LogFormat::Json, filter: "trace".into(), ..TelemetryConfig::default() };
    let _telemetry = Telemetry::start(&config, "siegel-test").unwrap();
    assert!(Telemetry::start(&config, "siegel-test").is_err(), "once for a process");
    let span = tracing::info_span!(target: "siegel_test", "work", record = "rec_1");
    span.in_scope(|| tracing::debug!(target: "siegel_test", answer = 42, "hello"));
    tracing::debug!(target: "h2::codec", authorization = "canary-token", "a frame");
    tracing::trace!(target: "hyper", "canary");
    let panicked = std::panic::catch_unwind(|| panic!("canary-name"));
    assert!(panicked.is_err());
}

#[test]
fn a_filter_that_can_not_be_read_and_an_endpoint_that_is_none_are_told() {
    let bad = TelemetryConfig { filter: "siegel=loud=er".into(), ..TelemetryConfig::default() };
    assert!(Telemetry::start(&bad, "t").err().unwrap().to_string().contains("telemetry.filter"));
}

/// Where the child sends its traces.
const COLLECTOR: &str = "SIEGEL_TEST_TELEMETRY_COLLECTOR";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_reach_a_collector_in_the_trace_that_a_request_names() {
    if let Ok(endpoint) = std::env::var(COLLECTOR) {
        return exporting_child(&endpoint);
    }
    let (collected, mut got) = tokio::sync::mpsc::unbounded_channel();
    let export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let router = Router::new().route(
        export,
        post(async move |body: axum::body::Bytes| {
            let _ = collected.send(body);
        }),
    );
    let server = HttpServer::bind("127.0.0.1:0".parse().unwrap(), Transport::PlainOnLoopback, env()).await.unwrap();
    let endpoint = format!("http://{}", server.address());
    Tasks::new().spawn("collector", server.serve(router));
    let child = tokio::task::spawn_blocking(move || {
        let this = "telemetry::spans_reach_a_collector_in_the_trace_that_a_request_names";
        let me = std::env::current_exe().unwrap();
        Command::new(me).args([this, "--exact"]).env(COLLECTOR, endpoint).output().unwrap()
    });
    let body = got.recv().await.unwrap();
    assert!(child.await.unwrap().status.success());
    let holds = |text: &[u8]| body.windows(text.len()).any(|window| window == text);
    assert!(holds(b"siegel-test") && holds(b"test.work"), "the service and the span by their names");
    assert!(holds(&TRACE.parse::<TraceContext>().unwrap().trace_id), "and the trace of the request");
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn exporting_child(endpoint: &str) {
    let config = TelemetryConfig { otlp_endpoint: endpoint.to_owned(), sample: 1.0, ..TelemetryConfig::default() };
    let telemetry = Telemetry::start(&config, "siegel-test").unwrap();
    let span = tracing::info_span!(target: "siegel_test", "test.work");
    let incoming: TraceContext = TRACE.parse().unwrap();
    let here = enter_remote(&span, Some(incoming), &SystemRng);
    assert_eq!(here.trace_id, incoming.trace_id);
    assert_ne!(here.span_id, incoming.span_id);
    span.in_scope(|| assert_eq!(trace_context(), Some(here), "outgoing calls carry the span's place"));
    drop(span);
    telemetry.shutdown();
}

/// A listener's surroundings in which nothing is special.
pub(crate) fn env() -> HttpEnv {
    HttpEnv {
        clock: SystemClock::shared(),
        rng: Arc::new(SystemRng),
        metrics: Arc::new(Metrics::new()),
        health: Health::new(),
        tasks: Tasks::new(),
        shutdown: Shutdown::new(),
        limits: Limits::default(),
    }
}
