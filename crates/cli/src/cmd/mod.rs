//! The commands, a file each: arguments, what they ask the SDK, what they show.

pub(crate) mod agent;
pub(crate) mod completion;
pub(crate) mod conversation;
pub(crate) mod device;
pub(crate) mod doctor;
pub(crate) mod enrol;
pub(crate) mod erase;
pub(crate) mod get;
pub(crate) mod inbox;
pub(crate) mod key;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod ls;
pub(crate) mod member;
mod newcomer;
pub(crate) mod profile;
pub(crate) mod put;
pub(crate) mod receipt;
pub(crate) mod reply;
pub(crate) mod sender;
pub(crate) mod tenant;
pub(crate) mod whoami;
