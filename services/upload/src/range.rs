//! Gives a part back, whole or a range of it, as a stream. Each chunk is compared with the digest in the signed manifest
//! before it leaves: a chunk that rotted in one zone is taken from the other, in the middle of a download too, and the
//! rotten copy is noted for repair. Never a short or changed answer with success (FAULTS F5, F6).

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use siegel_domain::limits::{DIGEST_BYTES, SALT_BYTES};
use siegel_domain::upload::RecordState;
use siegel_domain::{RecordId, TenantId};
use siegel_envelope::PartDigest;
use siegel_envelope::part::{self, PartShape};
use siegel_platform::budget::Held;
use siegel_platform::clock::within;
use siegel_platform::zones::{Bucket, ZoneError};
use siegel_platform::{Problem, Reason};

use crate::access::{Actor, readable};
use crate::app::App;
use crate::error;
use crate::read::audit_read;
use crate::repair;
use crate::store::copies::{self, Actual, CopyRow};
use crate::store::{parts, records};

/// Chunks that are read at once: 1 MiB, large enough to keep a disk busy and small enough to hold a few.
const CHUNKS: usize = 4;
/// Reads ahead of the client.
const AHEAD: usize = 2;
/// How long a zone may take before the other one is asked as well: far more than a zone in health takes, and less than people notice.
const PATIENCE_MS: i64 = 500;
/// Bytes that one download holds: those read ahead, and what is being written to the client.
const HELD_BYTES: u64 = (AHEAD as u64 + 1) * 1024 * 1024 + 64 * 1024;

/// A part that may be read now.
pub struct Part {
    reader: Arc<Reader>,
    /// Its sealed size.
    pub sealed_bytes: u64,
    /// Its digest; the ETag.
    pub digest: PartDigest,
}

/// Finds part `number` of a record that the actor may read. The first part of a download is written into the audit trail.
pub async fn find(app: &App, actor: &Actor, (record, number): (RecordId, u32)) -> Result<Part, Problem> {
    let db = app.db(actor).await?;
    readable(&db, actor, record).await?;
    let part = parts::find(db.reader(), record, number).await?;
    let mut copies = copies::of_part(db.reader(), record, number).await?;
    copies.retain(CopyRow::is_good);
    if part.is_none() || copies.is_empty() {
        readable(&db, actor, record).await?; // erased since it was looked for: gone, and nothing is damaged
    }
    let part = part.ok_or_else(error::not_found)?;
    if copies.is_empty() {
        tracing::error!(tenant = %actor.tenant_id(), %record, part = number, "no zone holds an undamaged copy");
        return Err(Reason::Damaged.into());
    }
    if number % 2 == 1 {
        copies.reverse(); // both zones' disks share the work
    }
    let now_ms = app.ctx.clock.monotonic_ms();
    if app.downloads.is_new(actor.session, record, now_ms) {
        audit_read(app, actor, &db, "record.download", record).await?;
        app.downloads.written(actor.session, record, now_ms);
    }
    let shape = part::shape(part.sealed_bytes as usize)
        .map_err(|_| siegel_platform::db::DbError::corrupt("parts", "sealed_bytes", record))?;
    let tenant = actor.tenant_id();
    let bucket = app.ctx.zones.bucket(tenant);
    let reader = Reader { app: app.clone(), tenant, bucket, record, number, digest: part.digest, shape, copies };
    Ok(Part { reader: Arc::new(reader), sealed_bytes: u64::from(part.sealed_bytes), digest: part.digest })
}

/// The bytes `wanted` of a part. The first chunks are read before this returns, so that a part that is damaged there is an
/// error; damage further on breaks the answer off before its announced length.
pub async fn stream(
    part: &Part,
    wanted: Range<u64>,
) -> Result<impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static, Problem> {
    let reader = part.reader.clone();
    let held = reader.app.budget.take(HELD_BYTES, reader.app.budget_wait_ms()).await?;
    let wanted = wanted.start as usize..wanted.end as usize;
    let (head, good) = reader.head().await?;
    let mut pieces = reader.pieces(&wanted).into_iter();
    let mut first = Vec::new();
    for piece in pieces.by_ref() {
        let has_chunks = matches!(piece, Piece::Chunks { .. });
        first.push(reader.piece(&head, good, piece).await?);
        if has_chunks {
            break;
        }
    }
    let broke_off = |problem: Problem| std::io::Error::other(problem.to_string());
    let rest = stream::iter(pieces).map({
        let (reader, head) = (reader.clone(), Arc::new(head));
        move |piece| {
            let (reader, head) = (reader.clone(), head.clone());
            async move { reader.piece(&head, good, piece).await.map_err(broke_off) }
        }
    });
    let all = stream::iter(first.into_iter().map(Ok)).chain(rest.buffered(AHEAD));
    Ok(holding(all, held))
}

/// Keeps the budget's share until the stream is dropped.
fn holding<S: Stream>(inner: S, held: Held) -> impl Stream<Item = S::Item> {
    inner.map(move |item| {
        let _held = &held;
        item
    })
}

/// Reads one part's verified bytes from whichever zone has them.
struct Reader {
    app: App,
    tenant: TenantId,
    bucket: Bucket,
    record: RecordId,
    number: u32,
    digest: PartDigest,
    shape: PartShape,
    copies: Vec<CopyRow>,
}

/// Salt and trailer, compared with the digest: from now on every chunk's hash is known.
struct Head {
    salt: Bytes,
    trailer: Bytes,
}

/// A piece of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Salt(Range<usize>),
    /// Whole chunks to read, and what of them is wanted.
    Chunks {
        chunks: Range<usize>,
        wanted: Range<usize>,
    },
    Trailer(Range<usize>),
}

impl Reader {
    /// The answer in pieces, in order.
    fn pieces(&self, wanted: &Range<usize>) -> Vec<Piece> {
        let cut = |of: Range<usize>| wanted.start.max(of.start)..wanted.end.min(of.end).max(wanted.start.max(of.start));
        let mut pieces = Vec::new();
        let salt = cut(0..SALT_BYTES);
        if !salt.is_empty() {
            pieces.push(Piece::Salt(salt));
        }
        for first in (0..self.shape.chunks).step_by(CHUNKS) {
            let last = (first + CHUNKS).min(self.shape.chunks) - 1;
            let group = self.shape.chunk_range(first).start..self.shape.chunk_range(last).end;
            let inside = cut(group);
            if inside.is_empty() {
                continue;
            }
            let touched = (first..=last).filter(|&chunk| !cut(self.shape.chunk_range(chunk)).is_empty());
            let (from, to) = touched.fold((last, first), |(from, to), chunk| (from.min(chunk), to.max(chunk)));
            let start = self.shape.chunk_range(from).start;
            pieces.push(Piece::Chunks { chunks: from..to + 1, wanted: inside.start - start..inside.end - start });
        }
        let from = self.shape.trailer_start();
        let trailer = cut(from..self.shape.sealed_bytes());
        if !trailer.is_empty() {
            pieces.push(Piece::Trailer(trailer.start - from..trailer.end - from));
        }
        pieces
    }

    /// Salt and trailer from the first copy that has them right, and which copy that is.
    async fn head(&self) -> Result<(Head, usize), Problem> {
        let ranges = [0..SALT_BYTES as u64, self.shape.trailer_start() as u64..self.shape.sealed_bytes() as u64];
        let check = |read: &[Bytes]| {
            let [salt, trailer] = read else { return false };
            let salt: Option<&[u8; SALT_BYTES]> = salt.as_ref().try_into().ok();
            salt.is_some_and(|salt| part::digest_of_trailer(salt, trailer) == self.digest)
        };
        let (mut read, from) = self.read_any(0, &ranges, check).await?;
        let (trailer, salt) = (read.pop().unwrap_or_default(), read.pop().unwrap_or_default());
        Ok((Head { salt, trailer }, from))
    }

    async fn piece(&self, head: &Head, from: usize, piece: Piece) -> Result<Bytes, Problem> {
        match piece {
            Piece::Salt(range) => Ok(head.salt.slice(range)),
            Piece::Trailer(range) => Ok(head.trailer.slice(range)),
            Piece::Chunks { chunks, wanted } => {
                let start = self.shape.chunk_range(chunks.start).start;
                let sealed = start as u64..self.shape.chunk_range(chunks.end - 1).end as u64;
                let check = |read: &[Bytes]| {
                    read.first().is_some_and(|read| self.chunks_are_right(&head.trailer, &chunks, start, read))
                };
                let (mut read, _) = self.read_any(from, &[sealed], check).await?;
                Ok(read.pop().unwrap_or_default().slice(wanted))
            }
        }
    }

    /// Asks the zone of one copy. The question goes on if nobody waits for its answer any more: whether the zone was slow is what its
    /// breaker learns from. Such answers are beyond what a download holds; how many there can be is a zone's bound on its calls.
    async fn ask(&self, at: usize, ranges: &[Range<u64>]) -> (usize, Result<Vec<Bytes>, ZoneError>) {
        let (app, bucket, ranges) = (self.app.clone(), self.bucket.clone(), ranges.to_vec());
        let CopyRow { zone, object, .. } = self.copies[at].clone();
        let asking = self.app.ctx.tasks.spawn("upload.read-copy", async move {
            match app.ctx.zones.by_name(&zone) {
                Some(zone) => zone.get_ranges(&bucket, &object, &ranges).await,
                None => Err(ZoneError::CutOff), // of a configuration before this one
            }
        });
        (at, asking.await.ok().flatten().unwrap_or(Err(ZoneError::CutOff)))
    }

    /// Shorter than the row says is rot too; the zone itself answered, so it is looked at once more, whole.
    async fn is_rotten(&self, copy: &CopyRow) -> bool {
        let Some(zone) = self.app.ctx.zones.by_name(&copy.zone) else { return false };
        let whole = zone.get(&self.bucket, &copy.object).await;
        whole.is_ok_and(|whole| part::digest_of(&whole).ok() != Some(self.digest))
    }

    fn chunks_are_right(&self, trailer: &[u8], chunks: &Range<usize>, start: usize, read: &[u8]) -> bool {
        chunks.clone().all(|chunk| {
            let range = self.shape.chunk_range(chunk);
            let bytes = read.get(range.start - start..range.end - start);
            let hash = trailer.get(chunk * DIGEST_BYTES..(chunk + 1) * DIGEST_BYTES);
            bytes.is_some_and(|bytes| Some(blake3::hash(bytes).as_bytes().as_slice()) == hash)
        })
    }

    /// Reads from the copies in turn, beginning with `from`, until one passes. A zone that takes its time has the next one asked
    /// beside it. A copy that is not there or is not right is noted, so that it is healed.
    async fn read_any(
        &self,
        from: usize,
        ranges: &[Range<u64>],
        check: impl Fn(&[Bytes]) -> bool,
    ) -> Result<(Vec<Bytes>, usize), Problem> {
        let mut left = (0..self.copies.len()).map(|step| (from + step) % self.copies.len());
        let (mut asked, mut away) = (FuturesUnordered::new(), false);
        loop {
            if asked.is_empty() {
                let Some(at) = left.next() else { break };
                asked.push(self.ask(at, ranges));
            }
            let answer = match left.len() {
                0 => asked.next().await,
                _ => match within(&*self.app.ctx.clock, PATIENCE_MS, asked.next()).await {
                    Some(answer) => answer,
                    None => {
                        asked.extend(left.next().map(|at| self.ask(at, ranges)));
                        continue;
                    }
                },
            };
            let Some((at, answer)) = answer else { continue };
            let copy = &self.copies[at];
            let found = match answer {
                Ok(read) if check(&read) => return Ok((read, at)),
                Ok(_) => Actual::Rot,
                Err(ZoneError::Absent) => Actual::Lost,
                Err(ZoneError::Failed(_)) if self.is_rotten(copy).await => Actual::Rot,
                Err(_) => {
                    away = true;
                    continue;
                }
            };
            repair::note_damage(&self.app, self.tenant, copy, found).await?;
        }
        if away {
            return Err(Problem::new(Reason::ZoneUnavailable).retry_after_s(5));
        }
        let db = self.app.dbs.get(self.tenant).await?;
        match records::find(db.reader(), self.record).await? {
            Some(row) if row.state != RecordState::Committed => return Err(error::wrong_state(row.state)), // erased meanwhile
            _ => {}
        }
        tracing::error!(tenant = %self.tenant, record = %self.record, part = self.number, "no zone holds an undamaged copy");
        Err(Reason::Damaged.into())
    }
}

/// The bytes that a `Range` header asks for, of `length`; none if the whole is to be given. Only a single range of bytes is
/// understood; a server may ignore any other (RFC 9110 § 14.2).
pub fn wanted(header: Option<&str>, length: u64) -> Result<Option<Range<u64>>, Problem> {
    let Some(spec) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else { return Ok(None) };
    let Some((first, last)) = spec.split_once('-') else { return Ok(None) };
    let number = |text: &str| match text {
        "" => Some(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(Some(text.parse().unwrap_or(u64::MAX))),
        _ => None,
    };
    let range = match (number(first.trim()), number(last.trim())) {
        (Some(Some(first)), Some(None)) => first..length,
        (Some(Some(first)), Some(Some(last))) if first <= last => first..last.saturating_add(1).min(length),
        (Some(None), Some(Some(suffix))) => length.saturating_sub(suffix)..length,
        _ => return Ok(None),
    };
    if range.is_empty() { Err(Reason::RangeNotSatisfiable.into()) } else { Ok(Some(range)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() {
        let ask = |header| wanted(Some(header), 100).map_err(|problem| problem.reason());
        assert_eq!(ask("bytes=0-9"), Ok(Some(0..10)));
        assert_eq!(ask("bytes=90-"), Ok(Some(90..100)));
        assert_eq!(ask("bytes=90-1000"), Ok(Some(90..100)));
        assert_eq!(ask("bytes=-10"), Ok(Some(90..100)));
        assert_eq!(ask("bytes=-1000"), Ok(Some(0..100)));
        assert_eq!(ask("bytes=99-99999999999999999999999"), Ok(Some(99..100)));
        for none in ["bytes=100-", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(ask(none), Err(Reason::RangeNotSatisfiable), "{none}");
        }
        for ignored in ["bytes=9-0", "bytes=0-1,5-6", "bytes=a-b", "bytes=-", "lines=0-1", "bytes"] {
            assert_eq!(ask(ignored), Ok(None), "{ignored}");
        }
    }
}
