//! The real parts on one machine: PostgreSQL in two zones, two S3 stores, OpenBao, Kafka, proxies in front of each.
//! `cargo xtask up` starts them as an administrator would in two sites and a third place, `down` ends them.
//!
//! - [`addresses`]: who listens where. [`site`]: the directory of state, logs, credentials. [`process`], [`identity`]: what runs.
//! - [`cache`]: programs built or fetched once. [`tls`], [`render`], [`http`], [`wait`]: what all parts use.
//! - a file for each part, and [`file`], which tells the services where all of them are.
//! - [`suite`]: the stage of `cargo xtask test` that runs on them. [`soak`]: the faults, as often as it takes.
//!
//! What each setting is for stands in the templates of `infra/`. To add a part: a file with a [`Part`], and a line in [`PARTS`].

mod addresses;
mod cache;
mod etcd;
mod file;
mod haproxy;
mod http;
mod identity;
mod kafka;
mod postgres;
mod process;
mod programs;
mod render;
mod s3;
mod site;
mod soak;
mod suite;
mod tls;
mod toxiproxy;
mod vault;
mod verbs;
mod wait;

use anyhow::Result;

use crate::needs::Need;
use crate::parts::site::Site;

pub(crate) use cache::{Source, Tool, go};
pub(crate) use soak::{ROUNDS, soak, soak_beside};
pub(crate) use suite::{NEEDS, on_parts_of_its_own, test};
pub(crate) use verbs::{down, logs, status, up};

/// Something that `up` starts: one process or several that belong together.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// Programs that it is made of, in the cache.
    tools: &'static [Tool],
    /// What the machine must have.
    needs: &'static [Need],
    /// Its processes, in the order in which they start.
    processes: &'static [&'static str],
    /// Starts what does not run, waits until it answers, and says where.
    start: fn(&Site) -> Result<String>,
    /// A look at each process that runs, by its name.
    look: fn(&Site, &str) -> Result<String>,
    /// What is left to end when its processes have ended.
    after: fn(&Site) -> Result<()>,
}

/// All parts, and what stands on them. The first two are the fronts, which are always started: clients reach every other part
/// through them. The last is the platform, which is started if it is asked for.
const PARTS: &[Part] =
    &[toxiproxy::PART, haproxy::PART, s3::PART, vault::PART, etcd::PART, postgres::PART, kafka::PART, programs::PART];

/// The fronts.
const ALWAYS: &[&str] = &["toxiproxy", "haproxy"];

/// A part with nothing to clean up.
fn nothing_left(_: &Site) -> Result<()> {
    Ok(())
}
