//! FAULTS F25: clients that take for ever.

use siegel_platform::clock::Clock;
use tokio::io::AsyncWriteExt as _;

use super::server::{serve, soon};

/// Timers of one connection before its first request: the look at it, and the bound of the first head.
const TIMERS: usize = 2;

#[tokio::test]
async fn f25_a_head_that_never_ends_is_cut() {
    let server = serve().await;
    let mut client = server.connect().await;
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    server.timers(TIMERS).await;
    server.clock.advance_ms(server.env.limits.head_ms - 1);
    client.send(b"still").await;
    server.clock.advance_ms(1);
    assert_eq!(client.rest().await, "", "no answer is owed to half a request");
    server.assert_alive().await;
}

#[tokio::test]
async fn f25_a_connection_that_says_nothing_is_cut() {
    let server = serve().await;
    let mut silent = server.connect().await;
    server.timers(TIMERS).await;
    server.clock.advance_ms(server.env.limits.head_ms);
    assert_eq!(silent.rest().await, "");
}

#[tokio::test]
async fn f25_a_kept_connection_is_cut_when_its_next_head_does_not_come() {
    let server = serve().await;
    let mut client = server.connect().await;
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 200 "));
    client.send(b"GET / HT").await;
    server.timers(TIMERS + 1).await;
    server.clock.advance_ms(server.env.limits.head_ms);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn f25_a_body_that_stops_is_refused_and_the_connection_closed() {
    let mut server = serve().await;
    let mut client = server.connect().await;
    client.send(b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx").await;
    server.handled(1).await;
    server.clock.advance_ms(server.env.limits.body_idle_ms);
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"request-timeout\""), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn f25_a_body_that_crawls_is_refused() {
    let mut server = serve().await;
    let mut client = server.connect().await;
    client.send(b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await;
    let began_ms = server.clock.monotonic_ms();
    // A byte every ten seconds is never silence, and never a body either.
    for byte in 1..=3 {
        client.send(b"x").await;
        server.handled(byte).await;
        server.clock.advance_ms(10_000);
    }
    assert!(client.rest().await.starts_with("HTTP/1.1 408 "));
    assert_eq!(server.clock.monotonic_ms() - began_ms, server.env.limits.body_idle_ms);
}

#[tokio::test]
async fn a_body_that_comes_may_take_as_long_as_it_likes() {
    let mut server = serve().await;
    let mut client = server.connect().await;
    let piece = vec![b'x'; 64 * 1024];
    let length = 40 * piece.len();
    let head = format!("POST /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    client.send(head.as_bytes()).await;
    for _ in 0..40 {
        let before = *server.handled.borrow_and_update();
        client.send(&piece).await;
        server.handled(before + 1).await;
        server.clock.advance_ms(10_000);
    }
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&length.to_string()), "{answer}");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_timeout() {
    let mut server = serve().await;
    let mut client = server.connect().await;
    client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.handled(1).await;
    server.clock.advance_ms(server.env.limits.answer_ms);
    assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 504 "));
}

#[tokio::test]
async fn f25_an_answer_that_nobody_takes_is_given_up() {
    let server = serve().await;
    let mut client = server.connect().await;
    client.send(b"GET /much HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.until("\r\n\r\n").await;
    // The client reads no further: the socket fills up, and every look finds that nothing moves.
    let connections = server.env.metrics.connections().clone();
    soon("the connection to be given up", async {
        while connections.get() > 0 {
            server.clock.advance_ms(30_000);
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.assert_alive().await;
}

/// The handler refuses at the first piece; the client sends all of it before it looks, as simple ones and proxies do.
#[tokio::test]
async fn a_refusal_before_the_body_reaches_who_is_still_sending() {
    let server = serve().await;
    for round in 0..20 {
        let mut client = server.connect().await;
        let head = "POST /any HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n";
        client.send(head.as_bytes()).await;
        client.send(&[b'x'; 0x40_0000]).await;
        client.send(b"\r\n0\r\n\r\n").await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "round {round}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_read_for_nobody_is_bounded() {
    let server = serve().await;
    // In bytes: twice what is allowed never ends well.
    let mut client = server.connect().await;
    client.send(b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: 99000000\r\n\r\n").await;
    let piece = vec![b'x'; 1024 * 1024];
    let mut taken = 0;
    while taken < 99 && client.0.write_all(&piece).await.is_ok() {
        taken += 1;
    }
    assert!(taken < 64, "{taken} MiB were read for nobody");
    // In time: a body that stops.
    let mut client = server.connect().await;
    client.send(b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx").await;
    assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 413 "));
    server.clock.advance_ms(5_000);
    client.rest().await;
    // Who waits for a word to go on is not invited.
    let mut client = server.connect().await;
    client.send(b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 413 "));
}
