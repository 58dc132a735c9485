//! The pipeline of an upload: while two parts are on their way, the next is read and sealed, in memory that is allocated
//! once. Three buffers of 8 MiB are all that a record of any size takes.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use siegel_api::PART_DIGEST_HEADER;
use siegel_api::records::PartAck;
use siegel_crypto::RecordSealer;
use siegel_crypto::seal::{SealError, SealedPart};
use siegel_domain::RecordId;
use siegel_domain::limits::{PART_PLAINTEXT_BYTES, PART_SEALED_BYTES};
use siegel_envelope::PartLayout;

use crate::error::{Error, Result};
use crate::http::{Meter, Request};
use crate::rng;
use crate::session::{Session, blocking};

/// Parts on their way at the same time: the line is busy while a zone makes the last part durable.
const IN_FLIGHT: usize = 2;

/// A part that is sealed and not yet sent.
struct Ready {
    number: u32,
    sealed: SealedPart,
    bytes: Vec<u8>,
}

/// What sending parts needs to know.
pub(super) struct Parts<'a> {
    pub(super) session: &'a Session,
    pub(super) sealer: &'a RecordSealer,
    pub(super) path: &'a Path,
    pub(super) file: File,
    pub(super) layout: PartLayout,
    pub(super) meter: Meter,
}

impl Parts<'_> {
    /// Sends the parts `numbers`. `sealed` is told of each part before it leaves, so that it can be written down first.
    pub(super) async fn send(
        self,
        numbers: Vec<u32>,
        mut sealed: impl FnMut(u32, SealedPart) -> Result<()>,
    ) -> Result<()> {
        let mut spare: Vec<Vec<u8>> = Vec::new();
        let mut on_their_way = FuturesUnordered::new();
        let mut file = Some(self.file);
        let mut numbers = numbers.into_iter();
        loop {
            if on_their_way.len() >= IN_FLIGHT {
                spare.extend(on_their_way.next().await.transpose()?.flatten());
            }
            let Some(number) = numbers.next() else { break };
            let buffer = spare.pop().unwrap_or_default();
            let source = file.take().expect("it comes back with each part");
            let sealer = self.sealer.clone();
            let layout = self.layout;
            let (ready, source) = blocking(move || seal(&sealer, source, number, layout, buffer)).await;
            file = Some(source);
            let ready = ready.map_err(|error| seal_error(self.path, error))?;
            sealed(number, ready.sealed)?;
            on_their_way.push(put(self.session, self.sealer.context().record, ready, self.meter.clone()));
        }
        while let Some(done) = on_their_way.next().await {
            done?;
        }
        Ok(())
    }
}

fn seal_error(path: &Path, error: SealError) -> Error {
    match error {
        SealError::Read(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Error::file(path)(error),
        // It ends before the length that it had, or grew beyond what a record holds.
        SealError::Read(_) | SealError::Length => Error::FileChanged(path.to_owned()),
    }
}

fn seal(
    sealer: &RecordSealer,
    mut source: File,
    number: u32,
    layout: PartLayout,
    mut buffer: Vec<u8>,
) -> (Result<Ready, SealError>, File) {
    let shape = layout.part(number).expect("numbers come from the layout");
    buffer.reserve_exact(PART_SEALED_BYTES.saturating_sub(buffer.len()).min(shape.sealed_bytes()));
    let sealed = source
        .seek(SeekFrom::Start(u64::from(number) * PART_PLAINTEXT_BYTES as u64))
        .map_err(SealError::from)
        .and_then(|_| {
            let last = layout.is_last(number);
            sealer.seal_part_from(number, last, shape.plain_bytes, &mut source, &mut rng::system(), &mut buffer)
        });
    (sealed.map(|sealed| Ready { number, sealed, bytes: buffer }), source)
}

/// Sends one part; answers with its buffer, if nobody else still holds it.
async fn put(session: &Session, record: RecordId, part: Ready, meter: Meter) -> Result<Option<Vec<u8>>> {
    const ROUTE: &str = "PUT /v1/records/{record}/parts/{number}";
    let bytes = Bytes::from(part.bytes);
    let digest = siegel_api::Bytes(part.sealed.digest.as_bytes().to_vec());
    let ack: PartAck = {
        let request = Request::new(ROUTE, &[&record, &part.number], session.auth())
            .header(PART_DIGEST_HEADER, &digest.to_text())
            .part(bytes.clone(), Some(meter));
        session.http().json(&request).await?
    };
    if ack.number != part.number || ack.digest != digest {
        return Err(Error::answer(ROUTE, "it acknowledges another part"));
    }
    Ok(bytes.try_into_mut().ok().map(Vec::from))
}
