//! FAULTS F27, F28, F36: requests that mean two things, or something no request here means.

use super::server::serve;

#[tokio::test]
async fn f27_a_request_with_two_readings_is_refused_and_the_connection_closed() {
    let mut server = serve().await;
    let bad: &[&str] = &[
        "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 40\r\n\r\nhello",
        "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /whole HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    ];
    for request in bad {
        let smuggled = format!("{request}GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = server.exchange(smuggled.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{request:?}: never two answers: {answer}");
    }
    assert_eq!(*server.handled.borrow_and_update(), 0, "no handler saw any of them");
    server.assert_alive().await;
}

#[tokio::test]
async fn f27_broken_chunks_end_the_request_and_the_connection() {
    let server = serve().await;
    for chunks in ["5\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "zz\r\nhello\r\n0\r\n\r\n"] {
        let request = format!(
            "POST /whole HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        let answer = server.exchange(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{chunks:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{chunks:?}: {answer}");
    }
}

#[tokio::test]
async fn two_clear_requests_on_one_connection_get_two_answers() {
    let server = serve().await;
    let answer = server
        .exchange(
            b"POST /whole HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
              POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
        )
        .await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 2, "{answer}");
    assert!(answer.contains("\r\n\r\n5HTTP/1.1") && answer.ends_with("\r\n\r\n3"), "{answer}");
}

#[tokio::test]
async fn f28_encoded_bodies_are_refused_unread() {
    let mut server = serve().await;
    for encoding in ["gzip", "zstd", "br", "gzip, gzip", "deflate"] {
        let request = format!(
            "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Encoding: {encoding}\r\nContent-Length: 1000000000\r\n\r\n"
        );
        let answer = server.exchange(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 415 ") && answer.contains("\"content-encoding\""), "{answer}");
    }
    assert_eq!(*server.handled.borrow_and_update(), 0);
}

#[tokio::test]
async fn a_body_that_never_ends_is_bounded() {
    let server = serve().await;
    // Says how much: refused before a byte is read.
    for route in ["/whole", "/large", "/echo"] {
        let request = format!(
            "POST {route} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
        );
        let mut client = server.connect().await;
        client.send(request.as_bytes()).await;
        let head = client.until("\r\n\r\n").await;
        server.clock.advance_ms(5_000); // in which the body might have come
        let answer = head + &client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"too-large\""), "{route}: {answer}");
    }
    // Does not say: cut at the bound.
    let mut client = server.connect().await;
    client.send(b"POST /whole HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 65_536], b"\r\n"].concat();
    let mut sent = 0;
    loop {
        use tokio::io::AsyncWriteExt;
        if client.0.write_all(&chunk).await.is_err() {
            break;
        }
        sent += chunk.len();
        assert!(sent < 64 * 1024 * 1024, "the server swallows without end");
    }
    server.assert_alive().await;
    assert!(server.env.metrics.render().contains("siegel_problems_total{reason=\"too-large\"} 4"));
}

#[tokio::test]
async fn f36_paths_that_climb_or_hide_are_refused() {
    let server = serve().await;
    let long = format!("/records/{}", "a".repeat(64 * 1024));
    for path in [
        "/records/..%2f..%2fetc%2fpasswd",
        "/records/../../etc/passwd",
        "/records/%2e%2e/x",
        "/records/rec_%00",
        "/records//x",
        "/records/..\\x",
        "/records/%252e",
        "/records/rec_%E2%80%AE",
        "/records/rec_",
        "/records/tnt_00000000000000000000000000",
        "/records/REC_00000000000000000000000000",
        &long,
    ] {
        let answer =
            server.exchange(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{}: {answer}", &path[..path.len().min(60)]);
    }
    let good = "GET /records/rec_00000000000000000000000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(server.exchange(good.as_bytes()).await.starts_with("HTTP/1.1 200 "));
}
