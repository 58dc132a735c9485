//! A zone that is a directory. Writes are synced, file and directory, before they count. The directory carries a mark:
//! without it nothing is read, written or deleted, so that a disk that is not mounted is a lost zone, and never an empty
//! one into whose mount point new records vanish, or which proves that erased objects are absent.

use std::fmt;
use std::io::ErrorKind;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use siegel_domain::Timestamp;

use super::{Bucket, Inventory, Replaced, ZoneAdmin, ZoneError};
use crate::files::{self, Visibility};

/// The mark in a zone's directory.
const MARK: &str = "siegel-zone";
/// Beside the zones: they were made once, so a missing one is a loss and not a first start.
const MADE: &str = "zones.made";

/// Why a local zone can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum ZoneOpenError {
    /// The file system said no.
    #[error("{path} can't be used: {source}", path = path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another zone's directory, mounted in the wrong place.
    #[error("{path} is marked as another zone than {expected}: are two disks mounted the wrong way round?", path = path.display())]
    Swapped {
        /// The directory.
        path: PathBuf,
        /// The zone it was to be.
        expected: &'static str,
    },
}

/// A directory as a zone.
#[derive(Debug)]
pub struct LocalZone {
    root: PathBuf,
    files: LocalFileSystem,
}

/// Makes the zones' directories, once in the life of a state directory.
pub(super) fn make_first_time(state_dir: &Path, roots: &[PathBuf; 2]) -> Result<(), ZoneOpenError> {
    let made = state_dir.join(MADE);
    if made.exists() {
        return Ok(());
    }
    for (root, name) in roots.iter().zip(super::NAMES) {
        LocalZone::make(root, name)?;
    }
    files::replace(&made, b"", Visibility::Public).map_err(|source| ZoneOpenError::Io { path: made, source })
}

impl LocalZone {
    /// Marks a directory as an empty zone: at the first start, and when the provider replaces a lost disk.
    pub fn make(root: &Path, name: &'static str) -> Result<(), ZoneOpenError> {
        files::replace(&root.join(MARK), mark(name).as_bytes(), Visibility::Public)
            .map_err(|source| ZoneOpenError::Io { path: root.to_owned(), source })
    }

    /// The zone in `root`. It may be missing, and come back while the platform runs; it may not be another zone.
    pub fn open(name: &'static str, root: &Path) -> Result<Arc<Self>, ZoneOpenError> {
        match std::fs::read(root.join(MARK)) {
            Ok(found) if found != mark(name).as_bytes() => {
                return Err(ZoneOpenError::Swapped { path: root.to_owned(), expected: name });
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(zone = name, path = %root.display(), %error, "a zone is missing");
            }
        }
        let root = std::path::absolute(root).map_err(|source| ZoneOpenError::Io { path: root.to_owned(), source })?;
        Ok(Arc::new(Self { root, files: LocalFileSystem::new().with_fsync(true) }))
    }

    /// Fails unless the mark is there.
    async fn present(&self) -> std::io::Result<()> {
        tokio::fs::metadata(self.root.join(MARK)).await.map(|_| ()).map_err(lost)
    }

    async fn store_present(&self) -> StoreResult<()> {
        self.present()
            .await
            .map_err(|source| object_store::Error::Generic { store: "local zone", source: source.into() })
    }

    /// The same path below our root.
    fn inside(&self, path: &ObjectPath) -> StoreResult<ObjectPath> {
        let root = ObjectPath::from_absolute_path(&self.root)?;
        Ok(ObjectPath::from_iter(root.parts().chain(path.parts())))
    }

    fn outside(&self, mut meta: ObjectMeta) -> StoreResult<ObjectMeta> {
        let root = ObjectPath::from_absolute_path(&self.root)?;
        meta.location = ObjectPath::from_iter(meta.location.prefix_match(&root).into_iter().flatten());
        Ok(meta)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ZoneError> {
        self.present().await?;
        let done = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?;
        Ok(done?)
    }
}

fn mark(name: &str) -> String {
    format!("Siegel {name}. Without this file the directory is taken for a disk that is not mounted.\n")
}

/// A missing mark is a lost zone, and must not read as a missing object.
fn lost(error: std::io::Error) -> std::io::Error {
    if error.kind() == ErrorKind::NotFound { std::io::Error::other("the zone's directory is not there") } else { error }
}

impl fmt::Display for LocalZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("local zone")
    }
}

#[async_trait]
impl ObjectStore for LocalZone {
    async fn put_opts(&self, at: &ObjectPath, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        self.store_present().await?;
        self.files.put_opts(&self.inside(at)?, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &ObjectPath,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.store_present().await?;
        self.files.put_multipart_opts(&self.inside(at)?, options).await
    }

    async fn get_opts(&self, at: &ObjectPath, options: GetOptions) -> StoreResult<GetResult> {
        self.store_present().await?;
        let mut result = self.files.get_opts(&self.inside(at)?, options).await?;
        result.meta = self.outside(result.meta)?;
        Ok(result)
    }

    async fn get_ranges(&self, at: &ObjectPath, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        self.store_present().await?;
        self.files.get_ranges(&self.inside(at)?, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, StoreResult<ObjectPath>>,
    ) -> BoxStream<'static, StoreResult<ObjectPath>> {
        let zone = Self { root: self.root.clone(), files: self.files.clone() };
        let one_by_one = paths.then(move |path| {
            let zone = Self { root: zone.root.clone(), files: zone.files.clone() };
            async move {
                let path = path?;
                zone.store_present().await?;
                let inside = zone.inside(&path)?;
                let mut deleting = zone.files.delete_stream(stream::iter([Ok(inside)]).boxed());
                while let Some(result) = deleting.next().await {
                    result?;
                }
                Ok(path)
            }
        });
        one_by_one.boxed()
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let inside = match self.inside(prefix.unwrap_or(&ObjectPath::default())) {
            Ok(inside) => inside,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let zone = Self { root: self.root.clone(), files: self.files.clone() };
        let listing = async move {
            if let Err(error) = zone.store_present().await {
                return stream::iter([Err(error)]).boxed();
            }
            // A bucket that was never made lists as empty, as in S3's prefixes.
            let found = zone.files.list(Some(&inside));
            found.filter(|meta| std::future::ready(!is_absent(meta))).map(move |meta| zone.outside(meta?)).boxed()
        };
        stream::once(listing).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> StoreResult<ListResult> {
        self.store_present().await?;
        self.files.list_with_delimiter(Some(&self.inside(prefix.unwrap_or(&ObjectPath::default()))?)).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> StoreResult<()> {
        self.store_present().await?;
        self.files.copy_opts(&self.inside(from)?, &self.inside(to)?, options).await
    }
}

fn is_absent(meta: &StoreResult<ObjectMeta>) -> bool {
    matches!(meta, Err(object_store::Error::NotFound { .. }))
}

#[async_trait]
impl ZoneAdmin for LocalZone {
    async fn has_bucket(&self, bucket: &Bucket) -> Result<bool, ZoneError> {
        let directory = self.root.join(bucket.as_str());
        self.blocking(move || match std::fs::metadata(directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            found => Ok(found?.is_dir()),
        })
        .await
    }

    async fn make_bucket(&self, bucket: &Bucket) -> Result<(), ZoneError> {
        let (root, directory) = (self.root.clone(), self.root.join(bucket.as_str()));
        self.blocking(move || {
            std::fs::create_dir_all(directory)?;
            files::sync_directory(&root)
        })
        .await
    }

    async fn delete_bucket(&self, bucket: &Bucket) -> Result<(), ZoneError> {
        let (root, directory) = (self.root.clone(), self.root.join(bucket.as_str()));
        self.blocking(move || match std::fs::remove_dir_all(directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => files::sync_directory(&root),
        })
        .await
    }

    /// Directories have none.
    async fn replace_credentials(&self, _: &Bucket) -> Result<Replaced, ZoneError> {
        Ok(Replaced::Nothing)
    }

    async fn settle(&self, bucket: &Bucket) -> Result<(), ZoneError> {
        let directory = self.root.join(bucket.as_str());
        self.blocking(move || files::sync_directory(&directory)).await
    }

    async fn clean(&self, bucket: &Bucket, young: RangeInclusive<Timestamp>) -> Result<Inventory, ZoneError> {
        let directory = self.root.join(bucket.as_str());
        let leftovers = self.blocking(move || remove_staged(&directory, &young)).await?;
        Ok(Inventory { leftovers })
    }

    async fn health(&self) -> Result<(), ZoneError> {
        Ok(self.present().await?)
    }
}

/// Files that `LocalFileSystem` stages a write in are called `<name>#<number>` and stay if the process is killed.
fn remove_staged(directory: &Path, young: &RangeInclusive<Timestamp>) -> std::io::Result<usize> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            removed += remove_staged(&entry.path(), young)?;
        } else if entry.file_name().to_string_lossy().contains('#') {
            let written = written(&metadata)?;
            if written < *young.start() {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            } else if written > *young.end() {
                date(&entry.path(), *young.end())?;
            }
        }
    }
    Ok(removed)
}

/// Dates a file anew.
fn date(path: &Path, at: Timestamp) -> std::io::Result<()> {
    match std::fs::File::options().append(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()), // the write came to its end
        file => file?.set_modified(UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or_default())),
    }
}

fn written(metadata: &std::fs::Metadata) -> std::io::Result<Timestamp> {
    let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}
