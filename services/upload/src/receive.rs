//! A part comes in: into one buffer, each chunk hashed when it is whole and still lies in the processor's cache. The
//! buffer's size is taken from the process' byte budget first, within the shares of who sends it and for a bounded time, and
//! no zone sees a byte of it before the digest was compared.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::Bytes;
use futures::StreamExt;
use siegel_api::PART_DIGEST_HEADER;
use siegel_domain::limits::PART_SEALED_BYTES;
use siegel_domain::time::MINUTE_MS;
use siegel_envelope::PartDigest;
use siegel_envelope::part::{self, PartDigester, PartError};
use siegel_platform::budget::{Held, Share};
use siegel_platform::clock::within;
use siegel_platform::http::cause_of;
use siegel_platform::{Problem, Reason};

use crate::access::Actor;
use crate::app::App;
use crate::buffers::Buffers;

/// A whole sealed part, as its digest says.
pub struct Received {
    /// The part; clones share the buffer.
    pub bytes: Bytes,
    /// Its digest, recomputed.
    pub digest: PartDigest,
    buffers: Buffers,
    /// Its share of the byte budget.
    _held: Held,
}

impl Drop for Received {
    fn drop(&mut self) {
        self.buffers.give_back(std::mem::take(&mut self.bytes));
    }
}

/// How long a body may take however steadily it comes, since it holds its bytes of the budget all the while. Two parts at
/// once take that long on a line of 150 kbit/s.
pub const BODY_MS: i64 = 15 * MINUTE_MS;

/// Reads a part whose digest the header names.
pub async fn receive(app: &App, actor: &Actor, headers: &HeaderMap, body: Body) -> Result<Received, Problem> {
    let named = named_digest(headers)?;
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Reason::ContentEncoding.into()); // ciphertext does not shrink; nothing here decompresses
    }
    let announced = announced_length(headers)?;
    let bytes = announced.unwrap_or(PART_SEALED_BYTES) as u64;
    let [principal, tenant] = shares(actor);
    let held = app.budget.take_of(&[principal, tenant, Share::Parts], bytes, app.budget_wait_ms()).await?;
    let reading = async {
        match announced {
            Some(length) => read_announced(body, app.buffers.take(length), length).await,
            None => read_unannounced(body).await,
        }
    };
    let (bytes, digest) = in_time(app, reading).await?;
    let received = Received { bytes, digest, buffers: app.buffers.clone(), _held: held };
    if digest != named {
        return Err(Problem::new(Reason::DigestMismatch).detail("The bytes changed on the way; send the part again."));
    }
    Ok(received)
}

/// The shares of the byte budget that hold what the actor sends.
pub fn shares(actor: &Actor) -> [Share; 2] {
    [Share::Principal(actor.tenant_id(), actor.principal), Share::Tenant(actor.tenant_id())]
}

/// Reads a body, at most for [`BODY_MS`].
pub async fn in_time<T>(app: &App, reading: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let late = || Problem::new(Reason::RequestTimeout).detail("The body took more than 15 minutes; send it again.");
    within(&*app.ctx.clock, BODY_MS, reading).await.unwrap_or_else(|| Err(late()))
}

/// Reads what is left of a body that is not needed, so that the client hears the answer instead of a broken pipe.
pub async fn drain(body: Body) {
    let mut frames = body.into_data_stream();
    let mut left = PART_SEALED_BYTES;
    while let Some(Ok(frame)) = frames.next().await {
        match left.checked_sub(frame.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// The digest that the header names.
pub fn named_digest(headers: &HeaderMap) -> Result<PartDigest, Problem> {
    let text = headers.get(PART_DIGEST_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    siegel_api::Bytes::from_text(text)
        .and_then(|bytes| PartDigest::from_slice(&bytes))
        .ok_or_else(|| Problem::invalid(PART_DIGEST_HEADER, "must be the part's digest: 32 bytes in base64url"))
}

fn announced_length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
    let Some(value) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
    match value.to_str().ok().and_then(|text| text.parse().ok()) {
        Some(length) if length <= PART_SEALED_BYTES => Ok(Some(length)),
        _ => Err(Reason::TooLarge.into()),
    }
}

async fn read_announced(body: Body, mut whole: Vec<u8>, length: usize) -> Result<(Bytes, PartDigest), Problem> {
    let mut digester = PartDigester::new(length).map_err(not_a_part)?;
    let mut hashed = 0;
    let mut frames = body.into_data_stream();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|error| cause_of(&error))?;
        if frame.len() > length - whole.len() {
            return Err(not_a_part(PartError::Announced)); // at the first byte beyond the announced length
        }
        whole.extend_from_slice(&frame);
        while hashed < digester.piece_end() && digester.piece_end() <= whole.len() {
            let end = digester.piece_end();
            digester.update(&whole[hashed..end]).map_err(not_a_part)?;
            hashed = end;
        }
    }
    digester.update(&whole[hashed..]).map_err(not_a_part)?; // a piece that was cut off: refused as such
    Ok((whole.into(), digester.finish().map_err(not_a_part)?))
}

async fn read_unannounced(body: Body) -> Result<(Bytes, PartDigest), Problem> {
    let whole = siegel_platform::http::read_whole(body, PART_SEALED_BYTES).await?;
    let digest = part::digest_of(&whole).map_err(not_a_part)?;
    Ok((whole, digest))
}

/// Bytes that are no sealed part.
pub fn not_a_part(error: PartError) -> Problem {
    match error {
        PartError::Length => Problem::invalid("body", "no sealed part has this length"),
        PartError::Announced => Problem::invalid("body", "has another length than it announced"),
        PartError::Trailer => {
            Problem::new(Reason::DigestMismatch).detail("The part's own hashes do not fit; send the part again.")
        }
    }
}
