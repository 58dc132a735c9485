//! From what a tenant should be to what it is, in five steps with names, of which the two that decide are pure:
//!
//! ```text
//! dereference ──► validate ──► plan ──► apply ──► status
//!  read all        pure         pure     write     write, if it differs
//! ```
//!
//! The plan is the same over local directories and over Kubernetes objects: only [`dereference`] and [`apply`] know
//! what a bucket is made of. A pass over a tenant that is as it should be writes nothing.

pub mod apply;
pub mod dereference;
pub mod plan;
pub mod status;
pub mod validate;

use siegel_crds::Resource;

/// A zone as the plan sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFact {
    /// Its name in answers and logs.
    pub name: String,
    /// Where it lies.
    pub jurisdiction: String,
}

/// Something a tenant consists of: a class, and the zone it lies in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// What.
    pub resource: Resource,
    /// The zone, by its index: 0 is zone a, 1 is zone b.
    pub zone: Option<usize>,
}

impl Target {
    /// Something that lies in no zone.
    pub const fn new(resource: Resource) -> Self {
        Self { resource, zone: None }
    }

    /// The tenant's bucket in a zone.
    pub const fn bucket(zone: usize) -> Self {
        Self { resource: Resource::Bucket, zone: Some(zone) }
    }
}

/// What is there in the place of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    Missing,
    /// It is there, and marked as this tenant's.
    Ours,
    /// Something is there that is not marked as this tenant's.
    Foreign,
    /// It can't be seen: the backend does not answer.
    Unreachable,
}
