//! Opening a record into a file: the next part is on its way while this one is opened. The file has a temporary name until
//! its last chunk was good, and nothing is left of it if one was not.

use std::io::Write;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures::{StreamExt as _, stream};
use siegel_api::records::Fetched;
use siegel_crypto::RecordOpener;
use siegel_domain::limits::{DIGEST_BYTES, SALT_BYTES};
use zeroize::Zeroizing;

use super::fetch::{Wanted, fetch};
use super::open::Opened;
use crate::error::{Error, Result, Untrusted};
use crate::http::{Meter, Request};
use crate::os;
use crate::session::blocking;

/// Parts on their way at the same time.
const AHEAD: usize = 2;

/// What happens when the file exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays, and the download is refused.
    No,
    /// It is replaced once the new one is whole.
    Yes,
}

impl Opened {
    /// Opens all of it into `path`, and tells the platform that it was fetched.
    pub async fn save(&self, path: &Path, overwrite: Overwrite, meter: &Meter) -> Result<()> {
        if overwrite == Overwrite::No && path.exists() {
            return Err(Error::file(path)(std::io::ErrorKind::AlreadyExists.into()));
        }
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary =
            tempfile::Builder::new().prefix(".siegel-").suffix(".part").tempfile_in(dir).map_err(Error::file(dir))?;
        let (mut file, temporary) = temporary.into_parts();
        file = self.stream(file, path, meter).await?;
        let target = path.to_owned();
        blocking(move || {
            file.sync_all().map_err(Error::file(&target))?;
            drop(file);
            let moved = match overwrite {
                Overwrite::Yes => temporary.persist(&target),
                Overwrite::No => temporary.persist_noclobber(&target),
            };
            moved.map_err(|failed| Error::file(&target)(failed.error))?;
            os::sync_dir(&target).map_err(Error::file(&target))
        })
        .await?;
        self.fetched().await
    }

    /// Opens all of it into `sink`, chunk by chunk, each only after it verified. If it ends with an error, what was
    /// written is the verified beginning and not the whole. `name` stands for the sink in errors.
    pub async fn stream<W: Write + Send + 'static>(&self, sink: W, name: &Path, meter: &Meter) -> Result<W> {
        let record = self.record.id;
        let entries = self.manifest().parts.iter();
        let wanted: Vec<Wanted> = (0..)
            .zip(entries)
            .map(|(number, entry)| Wanted::part(record, number, entry.sealed_bytes as usize))
            .collect();
        let (session, meter, spare) = (&self.session, &meter, &Spare::default());
        let mut parts = stream::iter(wanted)
            .map(async |wanted| fetch(session, wanted, spare.take(), meter).await.map(|sealed| (wanted.number, sealed)))
            .buffered(AHEAD);
        let mut opening: Opening<W> = Box::pin(std::future::ready((Ok(()), Vec::new(), sink)));
        while let Some(part) = parts.next().await {
            let (done, buffer, mut sink) = opening.await; // first: nothing is written behind an error's back
            done?;
            let (number, sealed) = part?;
            spare.give_back(buffer);
            let (opener, name) = (self.opener.clone(), name.to_owned());
            // Begun now and awaited when the next part is here: nobody fetches while this task only waits.
            opening = Box::pin(blocking(move || {
                let done = open_part(&opener, number, &sealed, &mut sink, &name);
                (done, sealed, sink)
            }));
        }
        let (done, _, mut sink) = opening.await;
        done?;
        sink.flush().map_err(Error::file(name))?;
        Ok(sink)
    }

    /// Tells the platform that the last chunk was good: the year until it is erased starts anew (C11).
    pub async fn fetched(&self) -> Result<()> {
        let body = Fetched { manifest_hash: self.opener.manifest().bytes().digest().as_bytes().to_vec().into() };
        let record = self.record.id;
        let request = Request::new("POST /v1/records/{record}/fetched", &[&record], self.session.auth()).json(&body);
        self.session.http().done(&request).await
    }
}

/// A part that is being opened: how it went, its buffer, and the sink.
type Opening<W> = Pin<Box<dyn Future<Output = (Result<()>, Vec<u8>, W)> + Send>>;

/// Buffers that parts are fetched into, one after the other.
#[derive(Default)]
struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    fn take(&self) -> Vec<u8> {
        self.0.lock().ok().and_then(|mut spare| spare.pop()).unwrap_or_default()
    }

    fn give_back(&self, buffer: Vec<u8>) {
        if let Ok(mut spare) = self.0.lock()
            && buffer.capacity() > 0
        {
            spare.push(buffer);
        }
    }
}

fn open_part(opener: &Arc<RecordOpener>, number: u32, sealed: &[u8], sink: &mut impl Write, name: &Path) -> Result<()> {
    let bad = |error: &dyn std::fmt::Display| Untrusted::Record(format!("part {number}: {error}"));
    let shape = siegel_envelope::part::shape(sealed.len()).map_err(|error| bad(&error))?;
    let (body, trailer) = sealed.split_at(sealed.len() - shape.chunks * DIGEST_BYTES);
    let (salt, _) = body.split_first_chunk::<SALT_BYTES>().ok_or_else(|| bad(&"cut off"))?;
    let part = opener.part(number, salt, trailer).map_err(|error| bad(&error))?;
    let mut plain = Zeroizing::new(Vec::with_capacity(siegel_domain::limits::CHUNK_BYTES));
    for chunk in 0..shape.chunks {
        plain.clear();
        part.open(chunk..chunk + 1, &sealed[shape.chunk_range(chunk)], &mut plain).map_err(|error| bad(&error))?;
        sink.write_all(&plain).map_err(Error::file(name))?;
    }
    Ok(())
}
