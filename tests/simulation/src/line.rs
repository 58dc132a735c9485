//! The line between clients and platform, which breaks on command: an answer is lost after the platform did what was
//! asked, or a request ends in the middle. It also keeps the platform's address while processes come and go.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How the line breaks during one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The answer of a successful write is lost, after `skip` writes whose answers arrive.
    Answer {
        /// Writes before.
        skip: u8,
        /// Whether the client bridges it by asking again, or gives up.
        retry: bool,
    },
    /// A write's request ends after so many bytes.
    Request {
        /// Writes before.
        skip: u8,
        /// Bytes that arrive; more than there are: all of them.
        after: u32,
    },
}

/// What the line is to do wrong.
#[derive(Clone, Default)]
pub struct Line(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cut: Option<Cut>,
    broke: bool,
}

impl Line {
    /// Breaks once, as `cut` says.
    pub fn arm(&self, cut: Option<Cut>) {
        *self.lock() = State { cut, broke: false };
    }

    /// From now on it holds. Returns whether it broke.
    pub fn disarm(&self) -> bool {
        let mut state = self.lock();
        state.cut = None;
        state.broke
    }

    /// Carries connections to `platform` until dropped.
    pub async fn carry(self, listener: TcpListener, platform: SocketAddr) {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let line = self.clone();
            connections.spawn(async move { line.connection(client, platform).await });
            while connections.try_join_next().is_some() {}
        }
    }

    /// An error ends the connection, which is what it would do anyway.
    async fn connection(&self, mut client: TcpStream, platform: SocketAddr) -> std::io::Result<()> {
        let mut server = TcpStream::connect(platform).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let mut rest: Option<u32> = None; // bytes of a request that still arrive
        let mut lose = false;
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let read = read?;
                    if read == 0 { return Ok(()); }
                    if is_write(&up[..read]) {
                        match self.next_write() {
                            Some(Cut::Request { after, .. }) => rest = Some(after),
                            Some(Cut::Answer { .. }) => lose = true,
                            None => {}
                        }
                    }
                    match rest {
                        Some(left) if left as usize <= read => {
                            server.write_all(&up[..left as usize]).await?;
                            return Ok(());
                        }
                        Some(left) => rest = Some(left - read as u32),
                        None => {}
                    }
                    server.write_all(&up[..read]).await?;
                }
                read = server.read(&mut down) => {
                    let read = read?;
                    if read == 0 { return Ok(()); }
                    rest = None; // answered: all of the request had arrived
                    if lose && down.starts_with(b"HTTP/1.1 2") {
                        self.lock().broke = true;
                        return Ok(());
                    }
                    if std::mem::take(&mut lose) {
                        self.again(); // a refusal is not what was to be lost
                    }
                    client.write_all(&down[..read]).await?;
                }
            }
        }
    }

    /// What happens to the write that begins now.
    fn next_write(&self) -> Option<Cut> {
        let mut state = self.lock();
        match &mut state.cut {
            Some(Cut::Answer { skip, .. } | Cut::Request { skip, .. }) if *skip > 0 => {
                *skip -= 1;
                None
            }
            Some(Cut::Request { .. }) => {
                state.broke = true;
                state.cut.take()
            }
            cut => cut.take(),
        }
    }

    fn again(&self) {
        self.lock().cut = Some(Cut::Answer { skip: 0, retry: true });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether these bytes begin a request that changes something; signing in is none. One request at a time is on a
/// connection, so that each begins where bytes begin.
fn is_write(bytes: &[u8]) -> bool {
    (bytes.starts_with(b"POST /v1/") || bytes.starts_with(b"PUT /v1/")) && !bytes.starts_with(b"POST /v1/auth/")
}
