//! A zone that misbehaves on command: for tests and the seeded harness, never in a platform that runs. Wraps any
//! `ObjectStore`, so that what is tested is everything above it.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use siegel_domain::Timestamp;
use tokio::sync::Notify;

use super::{Bucket, Inventory, Replaced, ZoneAdmin, ZoneError};
use crate::clock::SharedClock;

/// What a zone does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Does not answer any call: down, or not mounted.
    Down,
    /// Refuses writes and deletions: mounted read-only.
    ReadOnly,
    /// Has no room for writes; reads and deletes.
    Full,
    /// Does everything, this much later.
    Slow {
        /// Of the injected clock.
        ms: i64,
    },
    /// Writes wait until the fault is taken back.
    Hold,
    /// Writes and then fails, so that the caller does not know.
    LoseAnswers,
    /// Fails writes that are still on their way: they arrive when [`Faults::land`] says so.
    LandsLate,
    /// Flips a bit of everything it returns.
    FlipBits,
    /// Says of everything that it is not there.
    Forget,
    /// Claims to delete and does not.
    KeepDeleted,
    /// Deletes, and can't make it survive a power loss.
    Unsettled,
}

/// Sets and clears the faults of a zone while it runs.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    fault: Fault,
    after_writes: u32,
    writes: u64,
    ended_writes: u64,
    released: Arc<Notify>,
    late: Vec<LateWrite>,
}

/// A write that was given up and not taken back.
struct LateWrite {
    store: Arc<dyn ObjectStore>,
    at: Path,
    payload: PutPayload,
    options: PutOptions,
}

impl Faults {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on. [`Fault::None`] heals the zone.
    pub fn set(&self, fault: Fault) {
        self.set_after(fault, 0);
    }

    /// After this many further writes have gone well.
    pub fn set_after(&self, fault: Fault, writes: u32) {
        let mut state = self.lock();
        state.fault = fault;
        state.after_writes = writes;
        state.released.notify_waiters();
    }

    /// How many writes have reached the zone, failed ones included.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// How many of them have ended, well or not.
    pub fn ended_writes(&self) -> u64 {
        self.lock().ended_writes
    }

    /// Lets the writes arrive that were given up. Returns how many did.
    pub async fn land(&self) -> usize {
        let late = std::mem::take(&mut self.lock().late);
        let mut landed = 0;
        for LateWrite { store, at, payload, options } in late {
            landed += usize::from(store.put_opts(&at, payload, options).await.is_ok());
        }
        landed
    }

    /// What the zone does wrong at this moment.
    pub fn current(&self) -> Fault {
        let state = self.lock();
        if state.after_writes > 0 { Fault::None } else { state.fault }
    }

    fn begin_write(&self) -> Fault {
        let fault = self.current();
        let mut state = self.lock();
        state.writes += 1;
        state.after_writes = state.after_writes.saturating_sub(1);
        fault
    }

    async fn held(&self) {
        loop {
            let released = self.lock().released.clone();
            let released = released.notified();
            if self.current() != Fault::Hold {
                return;
            }
            released.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store and its administration, with faults between them and the caller.
pub struct FaultyZone {
    store: Arc<dyn ObjectStore>,
    admin: Arc<dyn ZoneAdmin>,
    faults: Faults,
    clock: SharedClock,
}

impl FaultyZone {
    /// Puts `faults` before a zone. [`Fault::Slow`] waits on `clock`.
    pub fn wrap(
        store: Arc<dyn ObjectStore>,
        admin: Arc<dyn ZoneAdmin>,
        faults: Faults,
        clock: SharedClock,
    ) -> Arc<Self> {
        Arc::new(Self { store, admin, faults, clock })
    }

    async fn before(&self, fault: Fault, at: &Path, writes: bool) -> StoreResult<()> {
        match fault {
            Fault::Down => Err(broken("the zone is down")),
            Fault::ReadOnly if writes => Err(broken(std::io::Error::from(std::io::ErrorKind::ReadOnlyFilesystem))),
            Fault::Slow { ms } => {
                self.clock.sleep(ms).await;
                Ok(())
            }
            Fault::Forget if !writes => {
                Err(object_store::Error::NotFound { path: at.to_string(), source: "forgotten".into() })
            }
            _ => Ok(()),
        }
    }

    async fn write(&self, fault: Fault, at: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        self.before(fault, at, true).await?;
        match fault {
            Fault::Full => return Err(broken(std::io::Error::from(std::io::ErrorKind::StorageFull))),
            Fault::Hold => self.faults.held().await,
            Fault::LandsLate => {
                let write = LateWrite { store: self.store.clone(), at: at.clone(), payload, options };
                self.faults.lock().late.push(write);
                return Err(broken("given up while the write is on its way"));
            }
            _ => {}
        }
        let result = self.store.put_opts(at, payload, options).await?;
        if fault == Fault::LoseAnswers { Err(broken("the answer was lost")) } else { Ok(result) }
    }

    async fn admin_before(&self) -> Result<(), ZoneError> {
        Ok(self.before(self.faults.current(), &Path::default(), true).await?)
    }

    fn after(&self, bytes: Bytes) -> Bytes {
        if self.faults.current() != Fault::FlipBits || bytes.is_empty() {
            return bytes;
        }
        let mut flipped = bytes.to_vec();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        flipped.into()
    }
}

fn broken(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "faulty zone", source: source.into() }
}

impl fmt::Display for FaultyZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.store)
    }
}

impl fmt::Debug for FaultyZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[async_trait]
impl ObjectStore for FaultyZone {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        let fault = self.faults.begin_write();
        let result = self.write(fault, at, payload, options).await;
        self.faults.lock().ended_writes += 1;
        result
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> StoreResult<Box<dyn MultipartUpload>> {
        Err(broken("parts are written whole"))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.before(self.faults.current(), at, false).await?;
        let result = self.store.get_opts(at, options).await?;
        if self.faults.current() != Fault::FlipBits {
            return Ok(result);
        }
        let (meta, range, attributes, extensions) =
            (result.meta.clone(), result.range.clone(), result.attributes.clone(), result.extensions.clone());
        let bytes = self.after(result.bytes().await?);
        let payload = GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed());
        Ok(GetResult { payload, meta, range, attributes, extensions })
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        self.before(self.faults.current(), at, false).await?;
        let read = self.store.get_ranges(at, ranges).await?;
        Ok(read.into_iter().map(|bytes| self.after(bytes)).collect())
    }

    fn delete_stream(&self, paths: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        match self.faults.current() {
            Fault::Down => paths.map(|_| Err(broken("the zone is down"))).boxed(),
            Fault::ReadOnly => paths.map(|_| Err(broken("the zone is read-only"))).boxed(),
            Fault::KeepDeleted => paths,
            _ => self.store.delete_stream(paths),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        match self.faults.current() {
            Fault::Down => stream::iter([Err(broken("the zone is down"))]).boxed(),
            Fault::Forget => stream::iter([]).boxed(),
            Fault::Slow { ms } => {
                let (waited, store, prefix) = (self.clock.sleep(ms), self.store.clone(), prefix.cloned());
                stream::once(waited).flat_map(move |()| store.list(prefix.as_ref())).boxed()
            }
            _ => self.store.list(prefix),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.before(self.faults.current(), &Path::default(), false).await?;
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.before(self.faults.current(), from, true).await?;
        self.store.copy_opts(from, to, options).await
    }
}

#[async_trait]
impl ZoneAdmin for FaultyZone {
    async fn has_bucket(&self, bucket: &Bucket) -> Result<bool, ZoneError> {
        self.admin_before().await?;
        self.admin.has_bucket(bucket).await
    }

    async fn make_bucket(&self, bucket: &Bucket) -> Result<(), ZoneError> {
        self.admin_before().await?;
        self.admin.make_bucket(bucket).await
    }

    async fn delete_bucket(&self, bucket: &Bucket) -> Result<(), ZoneError> {
        self.admin_before().await?;
        self.admin.delete_bucket(bucket).await
    }

    async fn replace_credentials(&self, bucket: &Bucket) -> Result<Replaced, ZoneError> {
        self.admin_before().await?;
        self.admin.replace_credentials(bucket).await
    }

    async fn settle(&self, bucket: &Bucket) -> Result<(), ZoneError> {
        self.admin_before().await?;
        if self.faults.current() == Fault::Unsettled {
            return Err(broken("the disk did not take it").into());
        }
        self.admin.settle(bucket).await
    }

    async fn clean(&self, bucket: &Bucket, young: RangeInclusive<Timestamp>) -> Result<Inventory, ZoneError> {
        self.admin_before().await?;
        self.admin.clean(bucket, young).await
    }

    async fn health(&self) -> Result<(), ZoneError> {
        Ok(self.before(self.faults.current(), &Path::default(), false).await?)
    }
}
