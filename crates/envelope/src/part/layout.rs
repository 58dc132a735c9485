//! Sizes: from a plaintext length to parts and chunks, from a sealed length back, and from a plaintext range to reads.

use std::ops::Range;

use siegel_domain::limits::{
    CHUNK_BYTES, CHUNKS_PER_PART, DIGEST_BYTES, PART_PLAINTEXT_BYTES, PARTS_PER_RECORD, SALT_BYTES, TAG_BYTES,
};

use super::PartError;

/// Bytes that a chunk adds to a part beside its plaintext: its tag, and its hash in the trailer.
const CHUNK_OVERHEAD: usize = TAG_BYTES + DIGEST_BYTES;

/// A length or a range that no record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// More than 16,384 parts.
    #[error("a record holds at most {} bytes", PARTS_PER_RECORD as u64 * PART_PLAINTEXT_BYTES as u64)]
    TooLong,
    /// Outside the record, or empty.
    #[error("the range lies outside the record")]
    Range,
}

/// One part's inner sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartShape {
    /// Chunks in it, 1 to 32.
    pub chunks: usize,
    /// Plaintext bytes in it.
    pub plain_bytes: usize,
}

impl PartShape {
    /// The shape of a part with this much plaintext (at most 8 MiB). Empty plaintext is one empty chunk.
    pub const fn of_plain(plain_bytes: usize) -> Self {
        let chunks = plain_bytes.div_ceil(CHUNK_BYTES);
        Self { chunks: if chunks == 0 { 1 } else { chunks }, plain_bytes }
    }

    /// Bytes of the sealed part.
    pub const fn sealed_bytes(&self) -> usize {
        SALT_BYTES + self.plain_bytes + self.chunks * CHUNK_OVERHEAD
    }

    /// Where the trailer begins.
    pub const fn trailer_start(&self) -> usize {
        SALT_BYTES + self.plain_bytes + self.chunks * TAG_BYTES
    }

    /// Plaintext bytes of one chunk.
    pub const fn chunk_plain(&self, chunk: usize) -> usize {
        if chunk + 1 < self.chunks { CHUNK_BYTES } else { self.plain_bytes - (self.chunks - 1) * CHUNK_BYTES }
    }

    /// Where a sealed chunk lies in the sealed part.
    pub const fn chunk_range(&self, chunk: usize) -> Range<usize> {
        let start = SALT_BYTES + chunk * (CHUNK_BYTES + TAG_BYTES);
        start..start + self.chunk_plain(chunk) + TAG_BYTES
    }
}

/// The shape of a sealed part of this length; there is exactly one, or none.
pub const fn shape(sealed_bytes: usize) -> Result<PartShape, PartError> {
    let Some(body) = sealed_bytes.checked_sub(SALT_BYTES) else { return Err(PartError::Length) };
    let chunks = body.div_ceil(CHUNK_BYTES + CHUNK_OVERHEAD);
    if chunks == 0 || chunks > CHUNKS_PER_PART || body < chunks * CHUNK_OVERHEAD {
        return Err(PartError::Length);
    }
    let plain_bytes = body - chunks * CHUNK_OVERHEAD;
    let shape = PartShape { chunks, plain_bytes };
    // The last chunk is empty only if it is the only one: otherwise one plaintext would have two forms.
    if chunks > 1 && plain_bytes <= (chunks - 1) * CHUNK_BYTES { Err(PartError::Length) } else { Ok(shape) }
}

/// How a record of some length is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLayout {
    /// Parts, 1 to 16,384.
    pub parts: u32,
    /// Plaintext bytes of the record.
    pub plain_bytes: u64,
}

/// The layout of a record of `plain_bytes`. Every part but the last is full; an empty record has one part.
pub const fn layout(plain_bytes: u64) -> Result<PartLayout, LayoutError> {
    let parts = plain_bytes.div_ceil(PART_PLAINTEXT_BYTES as u64);
    if parts > PARTS_PER_RECORD as u64 {
        return Err(LayoutError::TooLong);
    }
    Ok(PartLayout { parts: if parts == 0 { 1 } else { parts as u32 }, plain_bytes })
}

impl PartLayout {
    /// The shape of part `number`, counted from 0; none behind the last.
    pub const fn part(&self, number: u32) -> Option<PartShape> {
        if number >= self.parts {
            return None;
        }
        let before = number as u64 * PART_PLAINTEXT_BYTES as u64;
        let left = self.plain_bytes - before;
        let full = PART_PLAINTEXT_BYTES as u64;
        Some(PartShape::of_plain(if left < full { left as usize } else { full as usize }))
    }

    /// Sealed bytes of part `number`; none behind the last.
    pub const fn sealed_len(&self, number: u32) -> Option<usize> {
        match self.part(number) {
            Some(shape) => Some(shape.sealed_bytes()),
            None => None,
        }
    }

    /// Whether `number` is the last part.
    pub const fn is_last(&self, number: u32) -> bool {
        number + 1 == self.parts
    }

    /// Sealed bytes of all parts.
    pub fn sealed_total(&self) -> u64 {
        let full = PartShape::of_plain(PART_PLAINTEXT_BYTES).sealed_bytes() as u64;
        let last = self.sealed_len(self.parts - 1).unwrap_or(0) as u64;
        u64::from(self.parts - 1) * full + last
    }
}

/// What to read of one part for a plaintext range: the salt (`0..32`), `sealed`, and `trailer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRange {
    /// The part, counted from 0.
    pub part: u32,
    /// Its chunks that are touched.
    pub chunks: Range<usize>,
    /// Where those chunks lie in the sealed part.
    pub sealed: Range<usize>,
    /// Where the trailer lies.
    pub trailer: Range<usize>,
    /// The wanted bytes within the plaintext of those chunks.
    pub wanted: Range<usize>,
}

/// The reads for plaintext bytes `wanted` of a record of `plain_bytes`, part by part in order.
pub fn range(plain_bytes: u64, wanted: Range<u64>) -> Result<impl Iterator<Item = ChunkRange>, LayoutError> {
    let layout = layout(plain_bytes)?;
    if wanted.start >= wanted.end || wanted.end > plain_bytes {
        return Err(LayoutError::Range);
    }
    let part_bytes = PART_PLAINTEXT_BYTES as u64;
    let first = (wanted.start / part_bytes) as u32;
    let last = ((wanted.end - 1) / part_bytes) as u32;
    Ok((first..=last).map(move |part| {
        let shape = layout.part(part).expect("the range ends within the record, so its parts exist");
        let offset = u64::from(part) * part_bytes;
        let from = wanted.start.saturating_sub(offset) as usize;
        let to = ((wanted.end - offset) as usize).min(shape.plain_bytes);
        let chunks = from / CHUNK_BYTES..to.div_ceil(CHUNK_BYTES);
        let skipped = chunks.start * CHUNK_BYTES;
        ChunkRange {
            part,
            sealed: shape.chunk_range(chunks.start).start..shape.chunk_range(chunks.end - 1).end,
            trailer: shape.trailer_start()..shape.sealed_bytes(),
            wanted: from - skipped..to - skipped,
            chunks,
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use siegel_domain::limits::PART_SEALED_BYTES;

    #[test]
    fn each_sealed_length_has_one_shape_or_none() {
        for plain in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, PART_PLAINTEXT_BYTES] {
            let made = PartShape::of_plain(plain);
            assert_eq!(shape(made.sealed_bytes()), Ok(made), "{plain}");
            assert_eq!(made.chunk_range(made.chunks - 1).end, made.trailer_start());
        }
        let full = CHUNK_BYTES + CHUNK_OVERHEAD;
        // A length that would need an empty second chunk, too few bytes, and one byte too many.
        for bad in [0, 31, 32, 79, SALT_BYTES + full + 1, SALT_BYTES + full + CHUNK_OVERHEAD, PART_SEALED_BYTES + 1] {
            assert_eq!(shape(bad), Err(PartError::Length), "{bad}");
        }
        assert_eq!(PartShape::of_plain(PART_PLAINTEXT_BYTES).sealed_bytes(), PART_SEALED_BYTES);
    }

    #[test]
    fn a_record_is_cut_into_full_parts_and_a_rest() {
        let full = PART_PLAINTEXT_BYTES as u64;
        assert_eq!(layout(0).map(|l| (l.parts, l.sealed_len(0))), Ok((1, Some(80))));
        assert_eq!(layout(full).map(|l| l.parts), Ok(1));
        let two = layout(full + 1).expect("fits");
        assert_eq!(
            (two.parts, two.sealed_len(0), two.sealed_len(1), two.sealed_len(2)),
            (2, Some(PART_SEALED_BYTES), Some(81), None)
        );
        assert_eq!(two.sealed_total(), PART_SEALED_BYTES as u64 + 81);
        assert!(layout(full * PARTS_PER_RECORD as u64).is_ok());
        assert_eq!(layout(full * PARTS_PER_RECORD as u64 + 1), Err(LayoutError::TooLong));
    }

    #[test]
    fn a_range_reads_at_most_one_chunk_more_on_each_side() {
        let part = PART_PLAINTEXT_BYTES as u64;
        let chunk = CHUNK_BYTES as u64;
        let reads: Vec<_> = range(3 * part, part - 1..part + chunk + 1).expect("inside").collect();
        assert_eq!(reads.len(), 2);
        assert_eq!(
            (reads[0].part, reads[0].chunks.clone(), reads[0].wanted.clone()),
            (0, 31..32, CHUNK_BYTES - 1..CHUNK_BYTES)
        );
        assert_eq!((reads[1].part, reads[1].chunks.clone(), reads[1].wanted.clone()), (1, 0..2, 0..CHUNK_BYTES + 1));
        assert_eq!(reads[1].sealed, 32..32 + 2 * (CHUNK_BYTES + TAG_BYTES));
        assert_eq!(reads[1].trailer.len(), 1024);
        for bad in [0..0, 5..5, 3 * part - 1..3 * part + 1] {
            assert_eq!(range(3 * part, bad).err(), Some(LayoutError::Range));
        }
    }
}
