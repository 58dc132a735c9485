//! The line between people and the front, cut at the one moment that matters: a program has done its work and answered, and
//! nobody hears it (FAULTS F4). Where the cut falls is no matter of luck: the front says when the answer has come.
//!
//! All connections end then, also those of others: their answers are lost wherever they are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::http::StatusCode;
use siegel_platform::clock::{Clock as _, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::liar::fits;

/// What is carried at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A line; clones are the same one.
#[derive(Clone)]
pub struct Line(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    front: OnceLock<SocketAddr>,
    /// Changes when every connection is to end.
    cuts: watch::Sender<()>,
    /// Answers that are to be lost: to which requests, and how many of them.
    losing: Mutex<Vec<(&'static str, usize)>>,
}

impl Line {
    /// Takes connections on a port of its own, and carries them to the front that [`Line::leads_to`] names.
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the line")?;
        let address = listener.local_addr()?;
        let line = Self(Arc::new(Inner {
            address,
            front: OnceLock::new(),
            cuts: watch::Sender::new(()),
            losing: Mutex::default(),
        }));
        let inner = line.0.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(inner.clone(), client));
            }
        });
        Ok(line)
    }

    /// The front behind it.
    pub(crate) fn leads_to(&self, front: SocketAddr) {
        let _ = self.0.front.set(front);
    }

    /// What people dial.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// So many good answers to `route` will not arrive: a method and a path in which `*` stands for one segment.
    pub fn lose(&self, route: &'static str, times: usize) {
        self.losing().push((route, times));
    }

    /// Until all of them are lost.
    pub async fn all_lost(&self, within: Duration) -> Result<()> {
        let clock = SystemClock::new();
        let end_ms = clock.monotonic_ms() + i64::try_from(within.as_millis())?;
        while !self.losing().is_empty() {
            anyhow::ensure!(clock.monotonic_ms() < end_ms, "within {within:?} nobody asked for {:?}", self.losing());
            crate::moment(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The front has the answer to a request. If it is one that is to be lost, no connection carries a byte any more when this
    /// returns.
    pub(crate) fn loses(&self, what: &str, status: StatusCode) -> bool {
        let mut losing = self.losing();
        let found = losing.iter_mut().find(|(route, _)| status.is_success() && fits(route, what));
        let Some((_, left)) = found else { return false };
        *left -= 1;
        losing.retain(|(_, left)| *left > 0);
        self.0.cuts.send_replace(());
        true
    }

    fn losing(&self) -> MutexGuard<'_, Vec<(&'static str, usize)>> {
        self.0.losing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection, until either end or a cut ends it.
async fn connection(line: Arc<Inner>, client: TcpStream) {
    let (mut cut, down_cut, up_cut) = (line.cuts.subscribe(), line.cuts.subscribe(), line.cuts.subscribe());
    let Some(front) = line.front.get() else { return };
    let Ok(front) = TcpStream::connect(front).await else { return };
    let _ = (client.set_nodelay(true), front.set_nodelay(true));
    let ((from_client, to_client), (from_front, to_front)) = (client.into_split(), front.into_split());
    tokio::select! {
        () = carry(from_client, to_front, up_cut) => {}
        () = carry(from_front, to_client, down_cut) => {}
        _ = cut.changed() => {}
    }
}

/// Looks whether it was cut before each piece: what came after the cut is never passed on.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, cut: watch::Receiver<()>) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        if cut.has_changed().unwrap_or(true) || to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}
