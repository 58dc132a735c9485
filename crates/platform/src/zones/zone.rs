//! One zone: an object store behind deadlines and breakers. Reading and writing have a breaker each, since a full or
//! read-only zone can't be written and still serves every read.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use siegel_domain::Timestamp;

use super::breaker::{Breaker, Change};
use super::{Bucket, ObjectName, ZoneAdmin, ZoneError, ZoneMetrics};
use crate::clock::{SharedClock, within};

/// The longest that one call to a zone may last, writing 8 MiB included.
pub const DEADLINE_MS: i64 = 8_000;
/// A call that lasts longer counts against the zone although it succeeded.
pub const SLOW_MS: i64 = 4_000;

/// A storage location.
pub struct Zone {
    /// Its name, as receipts say it.
    pub name: &'static str,
    /// Where it lies (C12), for example `EU-DE`.
    pub jurisdiction: String,
    /// Making and deleting buckets, listing, health: what `object_store` can't do.
    pub admin: Arc<dyn ZoneAdmin>,
    store: Arc<dyn ObjectStore>,
    clock: SharedClock,
    writing: Breaker,
    reading: Breaker,
    metrics: ZoneMetrics,
}

/// What became of a wish to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When the deletion was answered.
    pub deleted: Timestamp,
    /// When a later look found nothing.
    pub absent: Timestamp,
}

impl Zone {
    /// A zone on `store`.
    pub fn new(
        name: &'static str,
        jurisdiction: impl Into<String>,
        store: Arc<dyn ObjectStore>,
        admin: Arc<dyn ZoneAdmin>,
        clock: SharedClock,
        metrics: ZoneMetrics,
    ) -> Self {
        let (writing, reading) = (Breaker::default(), Breaker::default());
        metrics.up(name, true);
        Self { name, jurisdiction: jurisdiction.into(), admin, store, clock, writing, reading, metrics }
    }

    /// Whether writes go well, as far as is known.
    pub fn takes_writes(&self) -> bool {
        !self.writing.is_open()
    }

    /// Whether a write would be let through now: it goes well, or it is time to try.
    pub fn admits_writes(&self) -> bool {
        self.writing.would_admit(self.clock.monotonic_ms())
    }

    /// Writes a new object, durably. [`ZoneError::Exists`] if there is one of that name: nothing is ever overwritten.
    pub async fn put_new(&self, bucket: &Bucket, name: &ObjectName, bytes: Bytes) -> Result<(), ZoneError> {
        let path = path(bucket, name);
        let put = async { self.store.put_opts(&path, PutPayload::from(bytes), PutMode::Create.into()).await };
        self.guarded(&self.writing, put).await.map(|_| ())
    }

    /// Reads a whole object.
    pub async fn get(&self, bucket: &Bucket, name: &ObjectName) -> Result<Bytes, ZoneError> {
        let path = path(bucket, name);
        self.guarded(&self.reading, async { self.store.get(&path).await?.bytes().await }).await
    }

    /// Reads pieces of an object in one call.
    pub async fn get_ranges(
        &self,
        bucket: &Bucket,
        name: &ObjectName,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, ZoneError> {
        let path = path(bucket, name);
        self.guarded(&self.reading, async { self.store.get_ranges(&path, ranges).await }).await
    }

    /// Whether there is such an object.
    pub async fn exists(&self, bucket: &Bucket, name: &ObjectName) -> Result<bool, ZoneError> {
        let path = path(bucket, name);
        match self.guarded(&self.reading, async { self.store.head(&path).await }).await {
            Ok(_) => Ok(true),
            Err(ZoneError::Absent) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object, durably, and looks again whether it is gone. Nothing to delete is fine.
    pub async fn delete(&self, bucket: &Bucket, name: &ObjectName) -> Result<Deletion, ZoneError> {
        let path = path(bucket, name);
        match self.guarded(&self.writing, async { self.store.delete(&path).await }).await {
            Ok(()) => self.admin.settle(bucket).await?,
            Err(ZoneError::Absent) => {}
            Err(error) => return Err(error),
        }
        let deleted = self.clock.now();
        if self.exists(bucket, name).await? {
            let source = "an object is there after its deletion was answered".into();
            return Err(ZoneError::Failed(object_store::Error::Generic { store: "zone", source }));
        }
        Ok(Deletion { deleted, absent: self.clock.now() })
    }

    /// The objects of a bucket that were last written before `before`. For the inventory, not for requests.
    pub async fn list_older(&self, bucket: &Bucket, before: Timestamp) -> Result<Vec<ObjectName>, ZoneError> {
        let prefix = Path::from(bucket.as_str());
        let older = self
            .store
            .list(Some(&prefix))
            .try_filter(|meta| std::future::ready(meta.last_modified.timestamp_millis() < before.0))
            .map_ok(|meta| meta.location);
        let found: Vec<Path> = older.try_collect().await.map_err(ZoneError::from)?;
        let strip =
            |path: &Path| path.as_ref().strip_prefix(bucket.as_str())?.strip_prefix('/').and_then(ObjectName::parse);
        Ok(found.iter().filter_map(strip).collect())
    }

    async fn guarded<T>(
        &self,
        breaker: &Breaker,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, ZoneError> {
        let began = self.clock.monotonic_ms();
        if !breaker.admits(began) {
            return Err(ZoneError::CutOff);
        }
        let result = match within(&*self.clock, DEADLINE_MS, call).await {
            Some(result) => result.map_err(ZoneError::from),
            None => Err(ZoneError::Late),
        };
        let now = self.clock.monotonic_ms();
        let word = match &result {
            Err(error) if error.is_failure() => Some(error.word()),
            _ if now - began > SLOW_MS => Some("slow"),
            _ => None,
        };
        if let Err(refused @ ZoneError::Refused(_)) = &result {
            self.metrics.failure(self.name, refused.word()); // told, and held against nobody but the bucket
        }
        let change = match word {
            Some(word) => {
                self.metrics.failure(self.name, word);
                breaker.failed(now)
            }
            None => breaker.succeeded(),
        };
        match change {
            Change::Opened => {
                tracing::error!(zone = self.name, reason = word, "a zone is cut off after failures");
                self.metrics.up(self.name, false);
            }
            Change::Closed => {
                tracing::info!(zone = self.name, "a zone answers again");
                self.metrics.up(self.name, true);
            }
            Change::None => {}
        }
        result
    }
}

fn path(bucket: &Bucket, name: &ObjectName) -> Path {
    Path::from_iter([bucket.as_str()].into_iter().chain(name.as_str().split('/')))
}
