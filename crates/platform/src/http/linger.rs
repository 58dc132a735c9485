//! An answer that comes before the body did (a refusal, mostly) reaches a client that is still sending.
//!
//! A socket that is closed with unread bytes in it resets the connection, and the reset overtakes the answer: whoever sends
//! a part without being allowed to, or a proxy between, would see a broken pipe instead of 403 (RFC 9112, 9.6). So the
//! rest of the body is read and thrown away beside the answer, within bounds. HTTP/2 needs none of this: there a stream
//! is reset alone, and after its answer.

use axum::body::Body;
use http_body_util::BodyExt;

use crate::clock::Clock;

/// What is read for nobody: two parts that a client may have sent ahead.
const BYTES: usize = 16 * 1024 * 1024;

/// Milliseconds it may take.
const LINGER_MS: i64 = 5_000;

/// Reads what is left of a body until it ends, breaks off, or is too much. Its time runs from the call.
pub(super) fn discard(mut rest: Body, clock: &dyn Clock) -> impl Future<Output = ()> + Send + 'static {
    let limit = clock.sleep(LINGER_MS);
    let all = async move {
        let mut seen = 0;
        while let Some(Ok(frame)) = rest.frame().await {
            seen += frame.data_ref().map_or(0, |data| data.len());
            if seen > BYTES {
                return;
            }
        }
    };
    async move {
        tokio::select! {
            () = all => {}
            () = limit => {}
        }
    }
}
