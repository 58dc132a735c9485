//! Upload against real databases, real directories and real keys; zones fail on command, time moves by hand.

#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

mod access;
mod commit;
mod crashes;
mod directory;
mod erase;
mod fault;
mod parts;
mod people;
mod ranges;
mod schema;
mod small;
mod sweep;
mod travel;
mod world;
