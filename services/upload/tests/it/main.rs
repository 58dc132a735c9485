//! Upload against real databases, real directories and real keys; zones fail on command, time moves by hand.

mod access;
mod commit;
mod directory;
mod erase;
mod fault;
mod people;
mod parts;
mod ranges;
mod schema;
mod small;
mod sweep;
mod travel;
mod world;
