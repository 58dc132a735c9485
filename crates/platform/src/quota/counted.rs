//! A body whose bytes are counted as they pass, in either direction. What its length says beforehand was paid when it began;
//! the rest of that is given back if it ends early.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::account::Account;

/// Bytes that a body says to have; none if it does not say.
pub(super) fn announced(body: &Body) -> u64 {
    body.size_hint().lower()
}

/// Counts `inner`, of which `paid` bytes are paid for.
pub(super) struct Counted {
    pub(super) inner: Body,
    pub(super) paid: u64,
    pub(super) account: Arc<Account>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            let beyond = bytes.saturating_sub(self.paid);
            self.paid = self.paid.saturating_sub(bytes);
            if beyond > 0 {
                self.account.spend(beyond);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.paid > 0 {
            self.account.give_back(self.paid);
        }
    }
}
