//! FAULTS F26: floods of HTTP/2 frames, written by hand.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{Client, Served, serve, soon};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `method` and `path` as literals, HPACK without its table (RFC 7541).
fn head(method: &str, path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

async fn connect(server: &Served, settings: &[u8]) -> Client {
    let mut client = server.connect().await;
    client.send(PREFACE).await;
    client.send(&frame(SETTINGS, 0, 0, settings)).await;
    client
}

/// Writes until the server refuses to take more or `most` writes are done.
async fn flood(client: &mut Client, bytes: &[u8], most: usize) {
    for _ in 0..most {
        if client.0.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// The error code of the GOAWAY that the server sends before it closes; `None` if it closes without one.
async fn goaway(client: &mut Client) -> Option<u32> {
    let mut code = None;
    soon("the server to close", async {
        loop {
            let mut head = [0; 9];
            if client.0.read_exact(&mut head).await.is_err() {
                return;
            }
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            if client.0.read_exact(&mut payload).await.is_err() {
                return;
            }
            if head[3] == GOAWAY {
                code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
            }
        }
    })
    .await;
    code
}

#[tokio::test]
async fn f26_a_rapid_reset_ends_the_connection_and_nothing_else() {
    let server = serve().await;
    let mut client = connect(&server, b"").await;
    let mut bytes = Vec::new();
    for number in 0..2_000 {
        let stream = 2 * number + 1;
        bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &head("GET", "/wait")));
        bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    flood(&mut client, &bytes, 1).await;
    assert_eq!(goaway(&mut client).await, Some(ENHANCE_YOUR_CALM));
    server.assert_alive().await;
}

#[tokio::test]
async fn f26_endless_continuations_end_the_connection() {
    let server = serve().await;
    let mut client = connect(&server, b"").await;
    client.send(&frame(HEADERS, END_STREAM, 1, &head("GET", "/"))).await;
    let more = frame(CONTINUATION, 0, 1, &[0; 1_000]);
    flood(&mut client, &more, 10_000).await;
    assert!(goaway(&mut client).await.is_some());
    server.assert_alive().await;
}

#[tokio::test]
async fn f26_floods_of_pings_and_settings_cost_little_and_harm_nobody() {
    for kind in [PING, SETTINGS] {
        let server = serve().await;
        let mut client = connect(&server, b"").await;
        let payload: &[u8] = if kind == PING { &[0; 8] } else { b"" };
        // The client never reads the answers: the server has to stop taking frames rather than pile answers up.
        let one = frame(kind, 0, 0, payload).repeat(1_000);
        let flooding = async { flood(&mut client, &one, 20_000).await };
        let _ = tokio::time::timeout(std::time::Duration::from_millis(500), flooding).await;
        server.assert_alive().await;
    }
}

#[tokio::test]
async fn f26_empty_data_frames_without_end_are_stopped() {
    let server = serve().await;
    let mut client = connect(&server, b"").await;
    client.send(&frame(HEADERS, END_HEADERS, 1, &head("POST", "/whole"))).await;
    let empty = frame(DATA, 0, 1, b"").repeat(1_000);
    flood(&mut client, &empty, 2_000).await;
    assert_eq!(goaway(&mut client).await, Some(ENHANCE_YOUR_CALM));
    server.assert_alive().await;
}

#[tokio::test]
async fn f27_line_breaks_in_fields_are_refused() {
    let mut server = serve().await;
    for path in ["/ HTTP/1.1\r\nX: y", "/\r\n", "/\0"] {
        let mut client = connect(&server, b"").await;
        client.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &head("GET", path))).await;
        let mut head = [0; 9];
        loop {
            soon("a reset", client.0.read_exact(&mut head)).await.unwrap();
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            soon("its payload", client.0.read_exact(&mut payload)).await.unwrap();
            assert!(head[3] != HEADERS || payload[0] == 0x8c, "only a 400 may answer {path:?}: {payload:?}");
            if matches!(head[3], RST_STREAM | GOAWAY | HEADERS) {
                break;
            }
        }
    }
    assert_eq!(*server.handled.borrow_and_update(), 0);
}

#[tokio::test]
async fn f25_a_window_that_stays_shut_is_given_up() {
    let server = serve().await;
    // SETTINGS_INITIAL_WINDOW_SIZE = 0: asks for an answer and takes none of it.
    let mut client = connect(&server, &[0, 4, 0, 0, 0, 0]).await;
    client.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &head("GET", "/much"))).await;
    let connections = server.env.metrics.connections().clone();
    soon("the connection to be given up", async {
        let mut kept = 0;
        while connections.get() > 0 || kept == 0 {
            kept = kept.max(connections.get());
            server.clock.advance_ms(10_000);
            // Answers pings, so that it is the shut window that ends it.
            let _ = client.0.write_all(&frame(PING, 1, 0, &[0x3b, 0x7c, 0xdb, 0x7a, 0x0b, 0x87, 0x16, 0xb4])).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.assert_alive().await;
}
