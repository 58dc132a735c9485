//! The HTTP server on real sockets.

mod answers;
mod h2;
mod server;
mod slow;
mod smuggle;
mod tls;
