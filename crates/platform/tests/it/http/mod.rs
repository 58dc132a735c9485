//! The HTTP server on real sockets.

mod answers;
mod h2;
mod h2spec;
mod server;
mod slow;
mod smuggle;
mod tls;
