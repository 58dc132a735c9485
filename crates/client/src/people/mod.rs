//! Members, senders and devices of a centre: inviting, confirming, removing. The server keeps the lists; who belongs is
//! decided by the roster, which only entitled devices can sign.

mod change;
mod confirm;
mod invite;
mod list;
mod remove;

pub use invite::Invitation;
pub(crate) use invite::sealed_name as invite_name;
pub(crate) use list::open_name;
pub use list::{Named, NamedMember, NamedSender};
