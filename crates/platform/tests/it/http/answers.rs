//! What answers look like, what is counted, and how the server ends.

use siegel_api::problem::ProblemBody;
use siegel_platform::clock::Clock;
use siegel_platform::http::Limits;
use siegel_platform::http::Transport;
use siegel_platform::metrics::LABELS;

use super::server::{serve, serve_with};

const CLOSE: &str = "Host: a\r\nConnection: close\r\n\r\n";

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines().find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name)).map(|(_, value)| value)
}

fn problem(answer: &str) -> ProblemBody {
    assert_eq!(header(answer, "content-type"), Some("application/problem+json"), "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let problem: ProblemBody = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!(problem.request_id.as_deref(), header(answer, "x-request-id"), "{answer}");
    assert_eq!(answer.split(' ').nth(1).unwrap(), problem.status.to_string());
    problem
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_the_requests_id() {
    let server = serve().await;
    for (request, code) in [
        (format!("GET /nothing HTTP/1.1\r\n{CLOSE}"), "not-found"),
        (format!("DELETE / HTTP/1.1\r\n{CLOSE}"), "method-not-allowed"),
        (format!("GET /refused HTTP/1.1\r\n{CLOSE}"), "epoch-changed"),
        (format!("GET /broken HTTP/1.1\r\n{CLOSE}"), "internal"),
        (format!("GET /panic HTTP/1.1\r\n{CLOSE}"), "internal"),
        (format!("GET /records/x HTTP/1.1\r\n{CLOSE}"), "invalid-request"),
        (format!("POST /echo HTTP/1.1\r\nContent-Length: 1\r\n{CLOSE}x"), "unsupported-media-type"),
        (
            format!("POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1\r\n{CLOSE}x"),
            "invalid-request",
        ),
    ] {
        let answer = server.exchange(request.as_bytes()).await;
        assert_eq!(problem(&answer).code, code, "{request}");
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
        for secret in ["Erika", "the cause"] {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
    assert_eq!(
        header(&server.exchange(format!("DELETE / HTTP/1.1\r\n{CLOSE}").as_bytes()).await, "allow"),
        Some("GET,HEAD")
    );
}

#[tokio::test]
async fn what_is_counted_has_labels_of_ours_only() {
    let server = serve().await;
    for path in ["/", "/records/rec_00000000000000000000000000", "/nothing/Erika", "/refused"] {
        server.exchange(format!("GET {path} HTTP/1.1\r\n{CLOSE}").as_bytes()).await;
    }
    server.exchange(format!("ERIKA / HTTP/1.1\r\n{CLOSE}").as_bytes()).await;
    let answer = server.exchange(format!("GET /metrics HTTP/1.1\r\n{CLOSE}").as_bytes()).await;
    for line in [
        "siegel_requests_total{group=\"/records/{id}\",method=\"GET\",status=\"2xx\"} 1",
        "siegel_requests_total{group=\"other\",method=\"GET\",status=\"4xx\"} 1",
        "siegel_requests_total{group=\"/\",method=\"OTHER\",status=\"4xx\"} 1",
        "siegel_problems_total{reason=\"epoch-changed\"} 1",
        "siegel_request_duration_seconds_count{group=\"/\"} 2",
        "siegel_requests_in_flight 1",
    ] {
        assert!(answer.contains(line), "{line} is not in\n{answer}");
    }
    assert!(!answer.contains("Erika") && !answer.contains("ERIKA") && !answer.contains("rec_"));
    for line in answer.lines().filter(|line| line.starts_with("siegel_")) {
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let name = label.split_once("=\"").unwrap().0;
            assert!(name == "le" || LABELS.contains(&name), "label {name} in {line}");
        }
    }
}

#[tokio::test]
async fn beyond_capacity_requests_are_sent_away_at_once() {
    let mut server =
        serve_with(Limits { requests: 1, ..Limits::default() }, async |_: &_| Transport::PlainOnLoopback).await;
    let mut first = server.connect().await;
    first.send(format!("GET /wait HTTP/1.1\r\n{CLOSE}").as_bytes()).await;
    server.handled(1).await;
    let answer = server.exchange(format!("GET / HTTP/1.1\r\n{CLOSE}").as_bytes()).await;
    assert_eq!(problem(&answer).code, "over-capacity");
    assert_eq!(header(&answer, "retry-after"), Some("1"));
    server.release.notify_one();
    assert!(first.rest().await.ends_with("released"));
    server.assert_alive().await;
}

#[tokio::test]
async fn readiness_names_what_it_waits_for() {
    let server = serve().await;
    let ready = format!("GET /health/ready HTTP/1.1\r\n{CLOSE}");
    assert!(server.exchange(ready.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    server.env.health.wait_for("zones", "no zone answers");
    let answer = server.exchange(ready.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"status":"not-ready","waiting":[{"name":"zones","why":"no zone answers"}]}"#),
        "{answer}"
    );
    let live = server.exchange(format!("GET /health/live HTTP/1.1\r\n{CLOSE}").as_bytes()).await;
    assert!(live.starts_with("HTTP/1.1 200 "));
    server.env.health.ready("zones");
    assert!(server.exchange(ready.as_bytes()).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn f24_draining_lets_running_requests_end_and_takes_no_new_ones() {
    let mut server = serve().await;
    let (mut running, mut idle) = (server.connect().await, server.connect().await);
    idle.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    idle.until("\r\n\r\n").await;
    running.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.handled(2).await;
    server.env.shutdown.begin();
    assert_eq!(idle.rest().await, "", "an idle connection is closed at once");
    let refused = async {
        while tokio::net::TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    super::server::soon("the listener to close", refused).await;
    server.release.notify_one();
    let answer = running.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("released"), "{answer}");
    assert!(!server.env.health.waiting().is_empty());
    assert_eq!(server.ended().await, 0);
}

#[tokio::test]
async fn a_drain_ends_in_time_even_if_a_request_does_not() {
    let mut server = serve().await;
    let mut running = server.connect().await;
    running.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.handled(1).await;
    server.timers(3).await; // the look, the first head's, the answer's
    server.env.shutdown.begin();
    server.timers(4).await; // and the drain's
    server.clock.advance_ms(server.env.limits.drain_ms);
    assert_eq!(running.rest().await, "");
    assert!(server.clock.monotonic_ms() < server.env.limits.answer_ms, "it was the drain that ended it");
    assert_eq!(server.ended().await, 1);
}
