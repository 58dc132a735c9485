//! Lists of records. Names lie in the sealed metadata, so that listing with names opens each record's manifest and grant.

use futures::{StreamExt as _, stream};
use siegel_api::records::{Record, RecordPage, RecordQuery};

use super::open::Opened;
use crate::error::{Error, Result};
use crate::http::Request;
use crate::session::Session;

/// Records that are opened at the same time.
const OPENED: usize = 8;

/// A record in a list: opened, or why not. One that can't be opened hides none of the others.
#[derive(Debug)]
pub struct Listing {
    /// What the server says.
    pub record: Record,
    /// Names and sender, verified.
    pub opened: Result<Opened>,
}

impl Session {
    /// One page of records as the server lists them; nothing is opened.
    pub async fn records(&self, query: &RecordQuery) -> Result<RecordPage> {
        self.http().json(&Request::new("GET /v1/records", &[], self.auth()).query(query)).await
    }

    /// The same page, each record opened.
    pub async fn listing(&self, query: &RecordQuery) -> Result<(Vec<Listing>, Option<String>)> {
        let page = self.records(query).await?;
        let opened = stream::iter(page.items)
            .map(async |record| {
                let opened = self.open_record(record.id).await;
                Listing { record, opened }
            })
            .buffered(OPENED)
            .collect::<Vec<_>>()
            .await;
        // A line that is down is no property of a record.
        for listing in &opened {
            if let Err(error @ Error::Unreachable(_)) = &listing.opened {
                tracing::debug!(%error, "a record of the list could not be fetched");
            }
        }
        Ok((opened, page.next_page_token))
    }
}
