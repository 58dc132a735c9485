//! The objects of a bucket, a page at a time: a bucket of a million objects is looked through without holding their names.

use std::ops::RangeInclusive;

use futures::StreamExt;
use object_store::path::Path;
use siegel_domain::Timestamp;
use tokio::sync::mpsc;

use super::calls::DEADLINE_MS;
use super::{Bucket, ObjectName, Zone, ZoneError};
use crate::clock::{SharedClock, within};

/// Objects of one page, young ones included.
const PAGE: usize = 1_000;

/// An object in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: ObjectName,
    /// When it was last written, by the zone's clock of that time.
    pub written: Timestamp,
}

/// A listing under way.
pub struct Listing {
    pages: mpsc::Receiver<Result<Vec<Listed>, ZoneError>>,
    clock: SharedClock,
}

impl Listing {
    /// The next page, perhaps an empty one; none at the end.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, ZoneError> {
        match within(&*self.clock, DEADLINE_MS, self.pages.recv()).await {
            Some(page) => page.transpose(),
            None => Err(ZoneError::Late),
        }
    }
}

impl Zone {
    /// The objects of a bucket that were not written in the time that makes them `young`: those from before it, and those
    /// from after it, which a clock that stood ahead has dated. For the inventory, not for requests.
    pub async fn list_outside(&self, bucket: &Bucket, young: RangeInclusive<Timestamp>) -> Result<Listing, ZoneError> {
        let (send, pages) = mpsc::channel(1);
        let (store, bucket) = (self.store.clone(), bucket.clone());
        let list = async move {
            let prefix = Path::from(bucket.as_str());
            let mut found = store.list(Some(&prefix)).chunks(PAGE);
            while let Some(metas) = found.next().await {
                let listed = metas.into_iter().filter_map(|meta| match meta {
                    Ok(meta) => {
                        let written = Timestamp(meta.last_modified.timestamp_millis());
                        let name = name(&bucket, &meta.location).filter(|_| !young.contains(&written))?;
                        Some(Ok(Listed { name, written }))
                    }
                    Err(error) => Some(Err(ZoneError::from(error))),
                });
                if send.send(listed.collect()).await.is_err() {
                    return; // nobody wants to know any more
                }
            }
        };
        self.calls.begin(list).await?;
        Ok(Listing { pages, clock: self.clock.clone() })
    }
}

fn name(bucket: &Bucket, location: &Path) -> Option<ObjectName> {
    location.as_ref().strip_prefix(bucket.as_str())?.strip_prefix('/').and_then(ObjectName::parse)
}
