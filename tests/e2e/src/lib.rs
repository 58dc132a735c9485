//! A world for end-to-end tests: the real platform on a real address, and people who use it through the SDK.
//!
//! Nothing in it is replaced but time and, where a test says so, what the zones do. Each world has its own directory,
//! port and keys; a restart is a restart on the same directory.

mod child;
mod collector;
mod front;
mod ground;
mod ledger;
mod liar;
mod load;
mod parts;
mod people;
mod programs;
mod raw;
mod search;
mod world;

pub use child::{ChildServer, add_dealer_beside};
pub use collector::Collector;
pub use ground::{Ground, ZONES};
pub use ledger::Ledger;
pub use liar::{Answer, Asked, Liar};
pub use load::{Done, Load};
pub use people::{Centre, PASSWORD, Person, password};
pub use programs::{NAMES, Programs};
pub use raw::{Raw, Said};
pub use search::{canary_hits, contains, files_below};
pub use world::{World, WorldOptions};

/// Until what a process did or what lies on a disk is looked at again: nothing tells of those. Whatever can be waited for
/// itself is.
pub async fn moment(long: std::time::Duration) {
    let _ = tokio::time::timeout(long, std::future::pending::<()>()).await;
}
