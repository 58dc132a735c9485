//! A world for end-to-end tests: the real platform on a real address, and people who use it through the SDK.
//!
//! Nothing in it is replaced but time and, where a test says so, what the zones do. Each world has its own directory; whether
//! it also has a platform of its own, and how that runs, is the arrangement's matter. A restart is one on the same directory.
//!
//! - [`World`]: a story's platform, whatever it is. [`arrangement`], [`process`], [`programs`], [`shared`], [`child`]: what it can be.
//! - [`people`]: who acts in it, enrolled by their own hands. [`places`], [`parts`], [`search`], [`secrets`], [`metrics`]: what it holds and says.
//! - [`ledger`], [`load`], [`ground`]: what was acknowledged, who is at work meanwhile, and the parts that are broken under them.
//! - [`line`], [`room`], [`replica`]: a line that loses answers, disks that are full, a program's second process.
//! - [`liar`], [`raw`]: a provider that lies, and requests that no client would send.

mod arrangement;
mod child;
mod collector;
mod front;
mod ground;
mod ledger;
mod liar;
mod line;
mod lives;
mod load;
mod metrics;
mod parts;
mod people;
mod places;
mod ports;
mod process;
mod programs;
mod raw;
mod replica;
mod room;
mod search;
mod secrets;
mod shared;
mod told;
mod world;

pub use child::{ChildServer, add_dealer_beside};
pub use collector::Collector;
pub use ground::{Ground, ZONES};
pub use ledger::Ledger;
pub use liar::{Answer, Asked, Liar};
pub use line::Line;
pub use load::{Done, Load};
pub use people::{Centre, PASSWORD, Person, password};
pub use programs::{NAMES, Programs};
pub use raw::{Raw, Said};
pub use replica::Replica;
pub use room::Room;
pub use search::{canary_hits, contains, files_below};
pub use world::{World, WorldOptions};

/// Until what a process did or what lies on a disk is looked at again: nothing tells of those. Whatever can be waited for
/// itself is.
pub async fn moment(long: std::time::Duration) {
    let _ = tokio::time::timeout(long, std::future::pending::<()>()).await;
}

/// Bytes that are the same for the same seed and look like nothing in particular.
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}
