//! The objects of a bucket, a page at a time: a bucket of a million objects is looked through without holding their names.

use futures::StreamExt;
use object_store::path::Path;
use siegel_domain::Timestamp;
use tokio::sync::mpsc;

use super::calls::DEADLINE_MS;
use super::{Bucket, ObjectName, Zone, ZoneError};
use crate::clock::{SharedClock, within};

/// Objects of one page, the ones that are too young included.
const PAGE: usize = 1_000;

/// A listing under way.
pub struct Listing {
    pages: mpsc::Receiver<Result<Vec<ObjectName>, ZoneError>>,
    clock: SharedClock,
}

impl Listing {
    /// The next page, perhaps an empty one; none at the end.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ObjectName>>, ZoneError> {
        match within(&*self.clock, DEADLINE_MS, self.pages.recv()).await {
            Some(page) => page.transpose(),
            None => Err(ZoneError::Late),
        }
    }
}

impl Zone {
    /// The objects of a bucket that were last written before `before`. For the inventory, not for requests.
    pub async fn list_older(&self, bucket: &Bucket, before: Timestamp) -> Result<Listing, ZoneError> {
        let (send, pages) = mpsc::channel(1);
        let (store, bucket) = (self.store.clone(), bucket.clone());
        let list = async move {
            let prefix = Path::from(bucket.as_str());
            let mut found = store.list(Some(&prefix)).chunks(PAGE);
            while let Some(metas) = found.next().await {
                let names = metas.into_iter().filter_map(|meta| match meta {
                    Ok(meta) if meta.last_modified.timestamp_millis() < before.0 => {
                        name(&bucket, &meta.location).map(Ok)
                    }
                    Ok(_) => None,
                    Err(error) => Some(Err(ZoneError::from(error))),
                });
                if send.send(names.collect()).await.is_err() {
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
