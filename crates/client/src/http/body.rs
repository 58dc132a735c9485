//! Bodies as they travel: an upload that counts what has left, and a download that is bounded and notices a dead line.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::error::{Error, Result};
use crate::time::{Moment, sleep};

/// Without a byte for this long, a line counts as dead.
pub(crate) const STALL: Duration = Duration::from_secs(30);
/// An answer that is held in memory has to be whole by then: four mebibytes over 128 kbit/s. Without it a server that
/// sends a byte now and then would hold its caller for ever.
const WHOLE: Duration = Duration::from_secs(300);
const SLICE_BYTES: usize = 128 * 1024;

/// Counts bytes as they leave or arrive; shared with whoever shows progress.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<AtomicU64>);

impl Meter {
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes back what a failed attempt had counted.
    pub(crate) fn sub(&self, bytes: u64) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Bytes with a known length, handed out in slices that are counted twice: for this attempt and for the whole.
pub(super) struct Metered {
    rest: Bytes,
    attempt: Meter,
    whole: Option<Meter>,
}

impl Metered {
    pub(super) fn new(bytes: Bytes, attempt: Meter, whole: Option<Meter>) -> Self {
        Self { rest: bytes, attempt, whole }
    }
}

impl Body for Metered {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(SLICE_BYTES);
        let slice = self.rest.split_to(length);
        self.attempt.add(length as u64);
        if let Some(whole) = &self.whole {
            whole.add(length as u64);
        }
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// Ends when `meter` has not moved for [`STALL`]: a slow line is fine, a dead one is not.
pub(super) async fn stalled(meter: &Meter) {
    let mut last = (meter.bytes(), Moment::now());
    loop {
        sleep(Duration::from_secs(1)).await;
        let bytes = meter.bytes();
        if bytes != last.0 {
            last = (bytes, Moment::now());
        } else if last.1.elapsed() >= STALL {
            return;
        }
    }
}

/// The next piece of a response, or an error when nothing comes for [`STALL`].
pub(crate) async fn next_piece(response: &mut reqwest::Response) -> Result<Option<Bytes>, Interrupted> {
    tokio::select! {
        piece = response.chunk() => piece.map_err(|error| Interrupted(super::cause(&error))),
        () = sleep(STALL) => Err(Interrupted(format!("nothing arrived for {} s", STALL.as_secs()))),
    }
}

/// A download that broke off; the caller may ask for the rest.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

/// A whole response of at most `limit` bytes.
pub(crate) async fn whole(
    route: &'static str,
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Result<Vec<u8>, Interrupted>> {
    let mut body = Vec::new();
    let mut over = std::pin::pin!(sleep(WHOLE));
    loop {
        let piece = tokio::select! {
            piece = next_piece(&mut response) => piece,
            () = &mut over => return Err(Error::answer(route, format!("not whole within {} s", WHOLE.as_secs()))),
        };
        match piece {
            Ok(Some(piece)) if body.len() + piece.len() > limit => {
                return Err(Error::answer(route, format!("longer than {limit} bytes")));
            }
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) => return Ok(Ok(body)),
            Err(interrupted) => return Ok(Err(interrupted)),
        }
    }
}
