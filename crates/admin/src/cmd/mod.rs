//! One file for each command.

pub mod certificate;
pub mod clock;
pub mod config;
pub mod dealer;
pub mod dlq;
pub mod rotate;
