//! Remembers the proofs that were used, for as long as their nonce would let them be used again (RFC 9449 § 11.1).
//! Bounded: when a minute's share is full, further proofs are refused rather than old ones forgotten.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Proofs of one nonce bucket: about 16,000 a second, 32 MiB.
const PER_BUCKET: usize = 1_000_000;

/// Why a proof can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It was used before.
    Replayed,
    /// Too many to remember: it may have been used before.
    Full,
}

/// The proofs used in the last two minutes, by a 16-byte hash each.
pub(super) struct Replay {
    used: Mutex<BTreeMap<i64, HashSet<[u8; 16]>>>,
    per_bucket: usize,
}

impl Default for Replay {
    fn default() -> Self {
        Self { used: Mutex::default(), per_bucket: PER_BUCKET }
    }
}

impl Replay {
    /// Notes a proof by the key's thumbprint and its `jti`. `bucket` is that of its nonce: after two buckets the nonce
    /// is refused, and what was noted with it can be forgotten.
    pub(super) fn first_use(&self, bucket: i64, thumbprint: &str, jti: &str) -> Result<(), Refused> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(thumbprint.as_bytes()).update(&[0]).update(jti.as_bytes());
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);

        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.contains_key(&bucket) {
            let newest = used.last_key_value().map_or(bucket, |(newest, _)| bucket.max(*newest));
            used.retain(|b, _| *b >= newest - 1);
        }
        let set = used.entry(bucket).or_default();
        if set.contains(&key) {
            Err(Refused::Replayed)
        } else if set.len() >= self.per_bucket {
            Err(Refused::Full)
        } else {
            set.insert(key);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_used_once() {
        let replay = Replay::default();
        assert_eq!(replay.first_use(10, "key", "a"), Ok(()));
        assert_eq!(replay.first_use(10, "key", "a"), Err(Refused::Replayed));
        assert_eq!(replay.first_use(10, "key", "b"), Ok(()));
        assert_eq!(replay.first_use(10, "other", "a"), Ok(()), "another key may use the same word");
        assert_eq!(replay.first_use(11, "key", "c"), Ok(()));
        assert_eq!(replay.first_use(10, "key", "a"), Err(Refused::Replayed), "the last minute is remembered");
    }

    #[test]
    fn it_is_bounded_and_refuses_when_full() {
        let replay = Replay { per_bucket: 2, ..Replay::default() };
        for (bucket, jti) in [(1, "a"), (1, "b"), (2, "a"), (3, "a")] {
            assert_eq!(replay.first_use(bucket, "key", jti), Ok(()));
        }
        assert_eq!(replay.used.lock().unwrap().keys().copied().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(replay.first_use(3, "key", "b"), Ok(()));
        assert_eq!(replay.first_use(3, "key", "c"), Err(Refused::Full));
    }
}
