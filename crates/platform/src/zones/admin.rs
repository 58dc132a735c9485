//! What `object_store` can't do and provisioning, erasing and the inventory need.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use siegel_domain::Timestamp;

use super::{Bucket, ZoneError};

/// What a zone says of itself and a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inventory {
    /// Leftovers of writes that never ended, and were removed.
    pub leftovers: usize,
}

/// What became of a tenant's credentials in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// There are new ones, and the old ones open nothing.
    Credentials,
    /// Tenants have none of their own here.
    Nothing,
}

/// Administration of a zone. One adapter for directories, one for S3 (buckets, versions, locks).
#[async_trait]
pub trait ZoneAdmin: Send + Sync + 'static {
    /// Whether a tenant's bucket is there, so that a pass over what is as it should be writes nothing. False also for
    /// something in its place that is not a bucket: making one then fails, and nothing is adopted.
    async fn has_bucket(&self, bucket: &Bucket) -> Result<bool, ZoneError>;

    /// Makes a tenant's bucket; nothing happens if it is there.
    async fn make_bucket(&self, bucket: &Bucket) -> Result<(), ZoneError>;

    /// Deletes a tenant's bucket with everything in it; nothing happens if it is not there.
    async fn delete_bucket(&self, bucket: &Bucket) -> Result<(), ZoneError>;

    /// Gives a tenant new credentials in the place of those that it has, while others work with them. One at a time; may be repeated,
    /// and goes on where it was interrupted.
    async fn replace_credentials(&self, bucket: &Bucket) -> Result<Replaced, ZoneError>;

    /// Makes deletions in a bucket survive a power loss.
    async fn settle(&self, bucket: &Bucket) -> Result<(), ZoneError>;

    /// Removes what unfinished writes left behind, which no listing shows, if it is older than `young`. What is dated later
    /// than that was left under a clock that stood ahead, and is young from now on.
    async fn clean(&self, bucket: &Bucket, young: RangeInclusive<Timestamp>) -> Result<Inventory, ZoneError>;

    /// Whether the zone is there at all, at this moment.
    async fn health(&self) -> Result<(), ZoneError>;
}
