//! What a process says of itself. One test: logs and the panic hook belong to the whole process, so it runs in a child.

use std::process::Command;

use siegel_platform::telemetry::{LogFormat, Telemetry, TelemetryConfig};

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
