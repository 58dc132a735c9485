//! Reading a piece out of the middle: only the chunks it touches are fetched, and each is checked against the signed
//! manifest by itself.

use std::ops::Range;

use siegel_domain::limits::SALT_BYTES;
use siegel_envelope::part;

use super::fetch::{Wanted, fetch};
use super::open::Opened;
use crate::error::{Error, Result, Untrusted};
use crate::http::Meter;

impl Opened {
    /// The plaintext bytes `wanted`.
    pub async fn range(&self, wanted: Range<u64>, meter: &Meter) -> Result<Vec<u8>> {
        let bad = |error: &dyn std::fmt::Display| Error::from(Untrusted::Record(error.to_string()));
        let reads = part::range(self.plain_bytes(), wanted.clone()).map_err(|error| Error::input("range", error))?;
        let mut plain = Vec::with_capacity((wanted.end - wanted.start) as usize);
        for read in reads {
            let whole = self.manifest().parts.get(read.part as usize).map(|entry| entry.sealed_bytes as usize);
            let whole = whole.ok_or_else(|| bad(&"the manifest has no such part"))?;
            let get = |bytes: Range<usize>| {
                let (from, to) = (bytes.start, bytes.end);
                let wanted = Wanted { record: self.record.id, number: read.part, from, to, whole };
                fetch(&self.session, wanted, Vec::new(), meter)
            };
            let (salt, sealed, trailer) = if read.sealed.start == SALT_BYTES {
                // The first chunk lies behind the salt: one read for both.
                let (front, trailer) =
                    futures::future::try_join(get(0..read.sealed.end), get(read.trailer.clone())).await?;
                let (salt, sealed) = front.split_at(SALT_BYTES);
                (salt.to_vec(), sealed.to_vec(), trailer)
            } else {
                let reads = (get(0..SALT_BYTES), get(read.sealed.clone()), get(read.trailer.clone()));
                futures::future::try_join3(reads.0, reads.1, reads.2).await?
            };
            let salt: &[u8; SALT_BYTES] = salt.as_slice().try_into().map_err(|_| bad(&"cut off"))?;
            self.opener
                .open_range(&read, salt, &sealed, &trailer, &mut plain)
                .map_err(|error| bad(&format!("part {}: {error}", read.part)))?;
        }
        Ok(plain)
    }
}
