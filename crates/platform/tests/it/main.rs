//! The platform against real files and real sockets.

mod db;
mod log;
mod zones;
