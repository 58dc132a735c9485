//! The listener: one address, TLS, a bounded number of connections, and an end in which nothing that runs is lost.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::conn::{Connection, Protocol, builder};
use super::limits::Limits;
use super::stack;
use crate::clock::{SharedClock, within};
use crate::ctx::Ctx;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::rng::Rng;
use crate::tasks::{Shutdown, Tasks};
use crate::tls::{self, InsideTls, Tls};

/// Milliseconds of rest when the system refuses a new connection (out of file descriptors).
const ACCEPT_REST_MS: i64 = 100;

/// What the server needs of the platform.
#[derive(Clone)]
pub struct HttpEnv {
    /// Timeouts.
    pub clock: SharedClock,
    /// Request ids.
    pub rng: Arc<dyn Rng>,
    /// Requests, connections, problems.
    pub metrics: Arc<Metrics>,
    /// `/health/ready`.
    pub health: Health,
    /// Connections.
    pub tasks: Tasks,
    /// When to stop taking requests.
    pub shutdown: Shutdown,
    /// Bounds.
    pub limits: Limits,
}

impl HttpEnv {
    /// As every service has it.
    pub fn new(ctx: &Ctx, limits: Limits) -> Self {
        Self {
            clock: ctx.clock.clone(),
            rng: ctx.rng.clone(),
            metrics: ctx.metrics.clone(),
            health: ctx.health.clone(),
            tasks: ctx.tasks.clone(),
            shutdown: ctx.shutdown.clone(),
            limits,
        }
    }
}

/// How bytes travel.
#[derive(Clone)]
pub enum Transport {
    /// HTTPS, always.
    Tls(Arc<Tls>),
    /// HTTPS between the services: callers show a certificate, and requests carry the [`tls::Caller`] it names.
    Inside(Arc<InsideTls>),
    /// Plain HTTP, on a loopback address only: behind a front on the same machine, or for trying things out.
    PlainOnLoopback,
}

/// Why the server can't listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Plain HTTP beyond this machine.
    #[error("plain HTTP is for loopback addresses only, and {0} is none: leave the flag out to use HTTPS")]
    PlainBeyondLoopback(SocketAddr),
    /// Somebody else has the address.
    #[error(
        "{0} is taken by another program (perhaps a siegel-server that still runs): stop it or choose another port"
    )]
    Taken(SocketAddr),
    /// The system said no.
    #[error("can't listen on {address}: {source}")]
    Io {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A listener that is bound, so that its port is known before anything is served.
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    transport: Transport,
    env: HttpEnv,
}

impl HttpServer {
    /// Binds `address`; port 0 takes any free port.
    pub async fn bind(address: SocketAddr, transport: Transport, env: HttpEnv) -> Result<Self, ListenError> {
        if matches!(transport, Transport::PlainOnLoopback) && !address.ip().is_loopback() {
            return Err(ListenError::PlainBeyondLoopback(address));
        }
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::Taken(address),
            _ => ListenError::Io { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        Ok(Self { listener, address, transport, env })
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` inside [`stack::around`] until shutdown begins, then lets running requests end, at most
    /// `drain_ms`. Returns how many connections had to be cut.
    pub async fn serve(self, router: Router) -> usize {
        let env = &self.env;
        let router = stack::around(router, env);
        let builder = builder(&env.clock, &env.limits);
        let room = Arc::new(Semaphore::new(env.limits.connections));
        let cut = Shutdown::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = env.shutdown.wait() => break,
                accepted = accept(&self.listener, &room) => accepted,
            };
            let (socket, peer, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(error.kind = %error.kind(), "a connection could not be accepted");
                    env.clock.sleep(ACCEPT_REST_MS).await;
                    continue;
                }
            };
            let connection = Connection {
                builder: builder.clone(),
                router: router.clone(),
                clock: env.clock.clone(),
                head_ms: env.limits.head_ms,
                idle_ms: env.limits.idle_ms,
                peer,
                caller: None,
                stop: env.shutdown.clone(),
                cut: cut.clone(),
            };
            let (transport, metrics) = (self.transport.clone(), env.metrics.clone());
            let (clock, handshake_ms) = (env.clock.clone(), env.limits.handshake_ms);
            env.tasks.spawn("http.connection", async move {
                let _place = place;
                metrics.connections().inc();
                talk(connection, socket, transport, clock, handshake_ms).await;
                metrics.connections().dec();
            });
        }
        drop(self.listener);
        env.health.wait_for("shutdown", "the process is stopping");
        drain(&room, &cut, env).await
    }
}

/// Waits for room first: beyond the bound, connections stay in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (socket, peer) = listener.accept().await?;
    socket.set_nodelay(true)?;
    Ok((socket, peer, place))
}

async fn talk(
    mut connection: Connection,
    socket: TcpStream,
    transport: Transport,
    clock: SharedClock,
    handshake_ms: i64,
) {
    let config = match &transport {
        Transport::Tls(tls) => tls.server_config(),
        Transport::Inside(tls) => tls.server_config(),
        Transport::PlainOnLoopback => return connection.serve(socket, Protocol::Either).await,
    };
    let handshake = TlsAcceptor::from(config).accept(socket);
    let Some(Ok(socket)) = within(&*clock, handshake_ms, handshake).await else {
        return tracing::debug!("a TLS handshake failed");
    };
    let session = socket.get_ref().1;
    if let Some([certificate, ..]) = session.peer_certificates() {
        connection.caller = tls::caller_of(certificate);
    }
    let protocol = match session.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    connection.serve(socket, protocol).await;
}

async fn drain(room: &Arc<Semaphore>, cut: &Shutdown, env: &HttpEnv) -> usize {
    let all = u32::try_from(env.limits.connections).unwrap_or(u32::MAX);
    let ended = within(&*env.clock, env.limits.drain_ms, room.acquire_many(all)).await.is_some();
    if ended {
        return 0;
    }
    let left = env.limits.connections - room.available_permits();
    tracing::warn!(connections = left, "cutting connections that did not end in time");
    cut.begin();
    let _ = room.acquire_many(all).await; // each ends at its next turn
    left
}
