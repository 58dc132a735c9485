//! A service of another process: an HTTP/2 channel with keepalive, a connect timeout and a deadline on each call, since a
//! channel without them stays glued to an address that is gone. It connects when first used and again whenever the
//! connection is lost; a call meanwhile fails at once as `UNAVAILABLE`, and so does one that was on the line when it broke, which the
//! public side answers with 503 and `Retry-After`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, TimeoutExpired};
use tower::{ServiceExt, service_fn};

use super::{Peer, PeerError, with_context};
use crate::tls::{self, InsideTls};

/// How another process is reached.
#[derive(Debug, Clone, Copy)]
pub struct RemoteOptions {
    /// For the connection to stand.
    pub connect_timeout: Duration,
    /// For the head of an answer. The net under the callers' own deadlines, the longest of which is 30 s (an erasure).
    pub deadline: Duration,
    /// Between two pings on an open connection, idle ones included.
    pub keepalive: Duration,
    /// For the answer to a ping.
    pub keepalive_timeout: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            deadline: Duration::from_secs(40),
            keepalive: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(5),
        }
    }
}

/// A service of another process at `uri`. Connects when first used and again whenever the connection is lost.
/// Nothing is checked or encrypted: for tests, and for a sidecar that does both.
pub fn remote(uri: http::Uri, options: RemoteOptions) -> Peer {
    peer(endpoint(uri, options).connect_lazy())
}

/// The service `name` of another process at `address` (`host:port`), under mutual TLS: whoever answers has to show that
/// service's certificate, wherever the address leads.
pub fn inside(name: &str, address: &str, tls: Arc<InsideTls>, options: RemoteOptions) -> Result<Peer, InvalidAddress> {
    let invalid = || InvalidAddress(address.to_owned());
    let server = ServerName::try_from(tls::host_name(name)).map_err(|_| invalid())?;
    let uri = http::Uri::builder().scheme("http").authority(address).path_and_query("/").build();
    let uri = uri.map_err(|_| invalid())?;
    if uri.port_u16().is_none() {
        return Err(invalid());
    }
    let connector = service_fn(move |uri: http::Uri| {
        let (tls, server) = (TlsConnector::from(tls.client_config()), server.clone());
        async move {
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            let socket = TcpStream::connect((host, uri.port_u16().unwrap_or_default())).await?;
            socket.set_nodelay(true)?;
            tls.connect(server, socket).await.map(TokioIo::new)
        }
    });
    Ok(peer(endpoint(uri, options).connect_with_connector_lazy(connector)))
}

/// What was given is not `host:port`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an address of a service: write host:port, for example 127.0.0.1:9452")]
pub struct InvalidAddress(String);

fn endpoint(uri: http::Uri, options: RemoteOptions) -> Endpoint {
    Endpoint::from(uri)
        .connect_timeout(options.connect_timeout)
        .timeout(options.deadline)
        .http2_keep_alive_interval(options.keepalive)
        .keep_alive_timeout(options.keepalive_timeout)
        .keep_alive_while_idle(true)
        .tcp_keepalive(Some(options.keepalive))
        .tcp_nodelay(true)
}

/// What became of a call whose answer never came whole. Tonic calls a failure to connect `UNAVAILABLE`; its own timeout of connecting,
/// and a line that breaks with a call on it, it does not know, which would look like a fault of ours. A deadline stays one.
fn lost(error: Box<dyn Error + Send + Sync>) -> Status {
    let mut told = String::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(cause) = next {
        if cause.is::<TimeoutExpired>() {
            return Status::deadline_exceeded("the peer did not answer in time");
        }
        told = cause.to_string();
        next = cause.source();
    }
    match Status::from_error(error) {
        // The other side is ending or never came to us: nobody has cancelled anything.
        status if matches!(status.code(), Code::Unknown | Code::Cancelled) => Status::unavailable(told),
        status => status,
    }
}

fn peer(channel: Channel) -> Peer {
    let channel = channel.map_response(|answer| answer.map(|body| Body::new(body.map_err(|error| lost(error.into())))));
    Peer::new(channel.map_request(with_context).map_err(|error| PeerError(lost(error.into()))))
}
