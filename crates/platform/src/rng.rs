//! Randomness is handed in, so that a seed repeats a whole run. The system's generator is read here and nowhere else.

use std::sync::{Mutex, PoisonError};

/// Where randomness comes from.
pub trait Rng: Send + Sync + 'static {
    /// Fills `bytes` with random bytes fit for keys.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Rng + '_ {
    /// `N` random bytes, for ids (`RecordId::from_bytes(rng.bytes())`), keys and nonces.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A number below `bound`, for jitter (its bias of at most 2⁻³² does not matter there); zero if `bound` is not positive.
    pub fn below(&self, bound: i64) -> i64 {
        if bound <= 0 {
            return 0;
        }
        let draw = u64::from_be_bytes(self.bytes()) >> 1;
        i64::try_from(draw).unwrap_or(0) % bound
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        // aws-lc-rs draws from the kernel, which on every supported system either answers or ends the process.
        aws_lc_rs::rand::fill(bytes).expect("the system's random generator does not fail once the system has started");
    }
}

/// A generator that a seed determines: the output stream of BLAKE3 over the seed. For tests and the seeded harness only.
pub struct SeededRng(Mutex<blake3::OutputReader>);

impl SeededRng {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("siegel/1/seeded-rng");
        hasher.update(&seed.to_be_bytes());
        Self(Mutex::new(hasher.finalize_xof()))
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_no_other() {
        let draw = |seed| {
            let rng: &dyn Rng = &SeededRng::new(seed);
            (rng.bytes::<16>(), rng.bytes::<16>())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7).0, draw(7).1);
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn the_system_gives_different_bytes_each_time() {
        let rng: &dyn Rng = &SystemRng;
        assert_ne!(rng.bytes::<32>(), rng.bytes::<32>());
        assert_eq!(rng.below(0), 0);
        assert!((0..7).contains(&rng.below(7)));
    }
}
