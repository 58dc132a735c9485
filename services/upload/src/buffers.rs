//! Buffers that hold one part after the other. Fresh memory for each would be asked from the system, page by page, and
//! freed ones would stay with the allocator's arenas: a process that takes one upload would grow to several parts more
//! than it holds (GOALS G8).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use siegel_domain::limits::PART_SEALED_BYTES;

/// Buffers kept while nobody uses them: what one upload has in flight.
const KEPT: usize = 2;

/// The spare buffers of the process. Clones share them.
#[derive(Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// An empty buffer with room for `length` bytes. What does not need a whole part's room gets memory of its own.
    pub fn take(&self, length: usize) -> Vec<u8> {
        if length < PART_SEALED_BYTES / 2 {
            return Vec::with_capacity(length);
        }
        self.spare().pop().unwrap_or_else(|| Vec::with_capacity(PART_SEALED_BYTES))
    }

    /// Takes a buffer back, unless somebody still reads it (a zone that is late).
    pub fn give_back(&self, bytes: Bytes) {
        let Ok(mut unique) = bytes.try_into_mut() else { return };
        unique.clear();
        let buffer = Vec::from(unique);
        let mut spare = self.spare();
        if buffer.capacity() >= PART_SEALED_BYTES && spare.len() < KEPT {
            spare.push(buffer);
        }
    }

    /// Gives spare memory back to the system; called when there was time to rest.
    pub fn free(&self) {
        self.spare().clear();
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_nobody_reads_it() {
        let buffers = Buffers::default();
        let mut first = buffers.take(PART_SEALED_BYTES);
        first.extend_from_slice(b"sealed");
        let place = first.as_ptr();
        let bytes = Bytes::from(first);
        let reader = bytes.clone();
        buffers.give_back(bytes);
        assert!(buffers.spare().is_empty(), "a zone still reads it");
        buffers.give_back(reader);
        let again = buffers.take(PART_SEALED_BYTES);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
    }

    #[test]
    fn small_parts_and_more_than_a_few_keep_nothing() {
        let buffers = Buffers::default();
        buffers.give_back(buffers.take(4096).into());
        assert!(buffers.spare().is_empty());
        let many: Vec<_> = (0..KEPT + 2).map(|_| buffers.take(PART_SEALED_BYTES)).collect();
        many.into_iter().for_each(|buffer| buffers.give_back(buffer.into()));
        assert_eq!(buffers.spare().len(), KEPT);
        buffers.free();
        assert!(buffers.spare().is_empty());
    }
}
