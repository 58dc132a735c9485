//! The agent: a background process that holds a member's clear keys between two commands, as ssh-agent does. It starts
//! at `login`, listens where only this user can reach it, and ends at `logout`, after a while without use, or after
//! twelve hours. Nothing of it is ever written to disk but the cookie, which opens nothing by itself.

mod client;
mod protocol;
mod serve;

pub(crate) use client::{Agent, start};
pub(crate) use serve::serve;
