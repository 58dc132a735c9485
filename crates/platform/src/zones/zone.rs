//! One zone: an object store behind deadlines and breakers ([`super::calls`]). Reading and writing have a breaker each, since
//! a full or read-only zone can't be written and still serves every read.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use siegel_domain::Timestamp;

use super::breaker::{Breaker, Change};
use super::calls::Calls;
use super::{Bucket, Inventory, ObjectName, Replaced, ZoneAdmin, ZoneError, ZoneMetrics};
use crate::clock::SharedClock;

/// A call that lasts longer counts against the zone although it succeeded.
pub const SLOW_MS: i64 = 4_000;

/// A storage location.
pub struct Zone {
    /// Its name, as receipts say it.
    pub name: &'static str,
    /// Where it lies (C12), for example `EU-DE`.
    pub jurisdiction: String,
    admin: Arc<dyn ZoneAdmin>,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) clock: SharedClock,
    pub(super) calls: Calls,
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
        metrics.begin(name);
        let calls = Calls::new(clock.clone());
        Self { name, jurisdiction: jurisdiction.into(), admin, store, clock, calls, writing, reading, metrics }
    }

    /// Whether writes go well, as far as is known.
    pub fn writes_go_well(&self) -> bool {
        !self.writing.is_open()
    }

    /// Whether a write would be let through now: it goes well, or it is time to try.
    pub fn admits_writes(&self) -> bool {
        self.writing.would_admit(self.clock.monotonic_ms())
    }

    /// Writes a new object, durably. [`ZoneError::Exists`] if there is one of that name: nothing is ever overwritten.
    pub async fn put_new(&self, bucket: &Bucket, name: &ObjectName, bytes: Bytes) -> Result<(), ZoneError> {
        let (store, path) = (self.store.clone(), path(bucket, name));
        let put = async move { store.put_opts(&path, PutPayload::from(bytes), PutMode::Create.into()).await };
        self.guarded(&self.writing, put).await.map(|_| ())
    }

    /// Reads a whole object.
    pub async fn get(&self, bucket: &Bucket, name: &ObjectName) -> Result<Bytes, ZoneError> {
        let (store, path) = (self.store.clone(), path(bucket, name));
        self.guarded(&self.reading, async move { store.get(&path).await?.bytes().await }).await
    }

    /// Reads pieces of an object in one call.
    pub async fn get_ranges(
        &self,
        bucket: &Bucket,
        name: &ObjectName,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, ZoneError> {
        let (store, path, ranges) = (self.store.clone(), path(bucket, name), ranges.to_vec());
        self.guarded(&self.reading, async move { store.get_ranges(&path, &ranges).await }).await
    }

    /// Whether there is such an object.
    pub async fn exists(&self, bucket: &Bucket, name: &ObjectName) -> Result<bool, ZoneError> {
        let (store, path) = (self.store.clone(), path(bucket, name));
        match self.guarded(&self.reading, async move { store.head(&path).await }).await {
            Ok(_) => Ok(true),
            Err(ZoneError::Absent) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object, durably, and looks again whether it is gone. Nothing to delete is fine.
    pub async fn delete(&self, bucket: &Bucket, name: &ObjectName) -> Result<Deletion, ZoneError> {
        let (store, path) = (self.store.clone(), path(bucket, name));
        match self.guarded(&self.writing, async move { store.delete(&path).await }).await {
            Ok(()) | Err(ZoneError::Absent) => {}
            Err(error) => return Err(error),
        }
        // Also when there was nothing: the deletion before this one may have been answered and not settled.
        match self.ask(bucket, |admin, bucket| async move { admin.settle(&bucket).await }).await {
            Ok(()) | Err(ZoneError::Absent) => {} // a bucket that is not there holds nothing
            Err(error) => return Err(error),
        }
        let deleted = self.clock.now();
        if self.exists(bucket, name).await? {
            let source = "an object is there after its deletion was answered".into();
            return Err(ZoneError::Failed(object_store::Error::Generic { store: "zone", source }));
        }
        Ok(Deletion { deleted, absent: self.clock.now() })
    }

    /// Whether a tenant's bucket is there ([`ZoneAdmin::has_bucket`]).
    pub async fn has_bucket(&self, bucket: &Bucket) -> Result<bool, ZoneError> {
        self.ask(bucket, |admin, bucket| async move { admin.has_bucket(&bucket).await }).await
    }

    /// Makes a tenant's bucket; nothing happens if it is there.
    pub async fn make_bucket(&self, bucket: &Bucket) -> Result<(), ZoneError> {
        self.ask(bucket, |admin, bucket| async move { admin.make_bucket(&bucket).await }).await
    }

    /// Deletes a tenant's bucket with everything in it; nothing happens if it is not there.
    pub async fn delete_bucket(&self, bucket: &Bucket) -> Result<(), ZoneError> {
        self.ask(bucket, |admin, bucket| async move { admin.delete_bucket(&bucket).await }).await
    }

    /// Gives a tenant new credentials ([`ZoneAdmin::replace_credentials`]).
    pub async fn replace_credentials(&self, bucket: &Bucket) -> Result<Replaced, ZoneError> {
        self.ask(bucket, |admin, bucket| async move { admin.replace_credentials(&bucket).await }).await
    }

    /// Removes what unfinished writes left behind ([`ZoneAdmin::clean`]).
    pub async fn clean(&self, bucket: &Bucket, young: RangeInclusive<Timestamp>) -> Result<Inventory, ZoneError> {
        self.ask(bucket, move |admin, bucket| async move { admin.clean(&bucket, young).await }).await
    }

    /// Whether the zone is there at all, at this moment.
    pub async fn health(&self) -> Result<(), ZoneError> {
        let admin = self.admin.clone();
        self.calls.run(async move { admin.health().await }).await
    }

    /// Looks whether it is there and shows it: a zone that nobody uses now is missed as well.
    pub async fn look(&self) {
        self.metrics.looked(self.name, self.health().await.is_ok());
    }

    /// Asks the administration: within the deadline, and without a breaker, since it says nothing of objects.
    async fn ask<T, F>(
        &self,
        bucket: &Bucket,
        call: impl FnOnce(Arc<dyn ZoneAdmin>, Bucket) -> F,
    ) -> Result<T, ZoneError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ZoneError>> + Send + 'static,
    {
        self.calls.run(call(self.admin.clone(), bucket.clone())).await
    }

    async fn guarded<T: Send + 'static>(
        &self,
        breaker: &Breaker,
        call: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T, ZoneError> {
        let began = self.clock.monotonic_ms();
        if !breaker.admits(began) {
            return Err(ZoneError::CutOff);
        }
        let result = self.calls.run(async move { call.await.map_err(ZoneError::from) }).await;
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
        if change != Change::None {
            let (writing_cut, reading_cut) = (self.writing.is_open(), self.reading.is_open());
            self.metrics.breakers(self.name, writing_cut, reading_cut);
            let up = !writing_cut && !reading_cut;
            match change {
                Change::Opened => tracing::error!(zone = self.name, reason = word, "a zone is cut off after failures"),
                _ => tracing::info!(zone = self.name, up, "a zone answers again"),
            }
        }
        result
    }
}

fn path(bucket: &Bucket, name: &ObjectName) -> Path {
    Path::from_iter([bucket.as_str()].into_iter().chain(name.as_str().split('/')))
}
