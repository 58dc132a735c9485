//! The platform against real files and real sockets.

mod db;
mod http;
mod log;
mod zones;
