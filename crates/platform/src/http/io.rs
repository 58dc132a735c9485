//! The socket as hyper sees it: framing judged on the way in, bytes counted on the way out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;

/// No method starts with NUL: hyper answers 400 to it and closes, after the answers that are still due.
const REFUSE: &[u8] = b"\0 / HTTP/1.1\r\n\r\n";

/// A connection's bytes, TLS already taken off.
pub(super) struct Watched<S> {
    inner: S,
    framing: Option<Framing>,
    /// Judged bytes that did not fit into hyper's buffer yet, and how many of them were taken.
    ready: Vec<u8>,
    taken: usize,
    ended: bool,
    written: Arc<AtomicU64>,
}

impl<S> Watched<S> {
    /// `http1`: may be HTTP/1 and is judged.
    pub(super) fn new(inner: S, http1: bool, written: Arc<AtomicU64>) -> Self {
        let framing = http1.then(Framing::new);
        Self { inner, framing, ready: Vec::new(), taken: 0, ended: false, written }
    }

    /// Gives what is ready; false if nothing is.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let waiting = &self.ready[self.taken..];
        if waiting.is_empty() {
            return false;
        }
        let count = waiting.len().min(buf.remaining());
        buf.put_slice(&waiting[..count]);
        self.taken += count;
        if self.taken == self.ready.len() {
            self.ready.clear();
            self.taken = 0;
        }
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.give(buf) || this.ended || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            let Some(framing) = &mut this.framing else { return Poll::Ready(Ok(())) };
            let came = &buf.filled()[before..];
            if came.is_empty() {
                this.ended = true;
                this.ready = framing.take_held();
                continue;
            }
            if framing.passes(came) {
                return Poll::Ready(Ok(()));
            }
            if framing.feed(came, &mut this.ready).is_err() {
                this.ready.extend_from_slice(REFUSE);
                this.framing.take_if(|_| true);
                this.ended = true;
            }
            buf.set_filled(before);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.inner).poll_write(cx, buf))?;
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, bufs))?;
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
