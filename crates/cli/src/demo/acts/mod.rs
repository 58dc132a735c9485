//! The acts, by who plays the main part.

pub(super) mod centre;
pub(super) mod dealer;
pub(super) mod erase;
pub(super) mod look;
pub(super) mod sender;
pub(super) mod stranger;
