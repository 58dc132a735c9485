//! The address the server listens on: somebody answers there, or it is free.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::Finding;
use crate::place::Place;

const CHECK: &str = "port";

/// Looks at the configured address.
pub(super) fn check(place: &Place) -> Vec<Finding> {
    let address = address(place);
    if address.port() == 0 {
        return vec![Finding::ok(CHECK, "the system chooses it")];
    }
    vec![match TcpListener::bind(address) {
        Ok(_) => Finding::ok(CHECK, format!("{address} is free: no server runs there")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => taken(address),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let next = "choose a port above 1023, or give the server's user the right to take it";
            Finding::fail(CHECK, format!("{address} may not be taken by this user"), next)
        }
        Err(error) => {
            let next = "listen on an address of this machine, or on 0.0.0.0";
            Finding::fail(CHECK, format!("{address} can't be listened on: {error}"), next)
        }
    }]
}

/// As configured; without a configuration, where the server last answered if that was on this machine.
fn address(place: &Place) -> SocketAddr {
    let last = || {
        let url = place.public_url().ok()?;
        let (_, port) = url.rsplit_once("://localhost:")?;
        Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
    };
    let configured = place.config.listen;
    let default = siegel_server::ServerConfig::default().listen;
    if configured == default { last().unwrap_or(configured) } else { configured }
}

fn taken(address: SocketAddr) -> Finding {
    let reachable = match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => SocketAddr::from(([127, 0, 0, 1], address.port())),
        ip if ip.is_unspecified() => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], address.port())),
        _ => address,
    };
    match TcpStream::connect_timeout(&reachable, Duration::from_secs(2)) {
        Ok(_) => Finding::ok(CHECK, format!("a program answers on {address}")),
        Err(_) => {
            Finding::fail(CHECK, format!("{address} is taken and nobody answers"), "look for a server that hangs")
        }
    }
}
