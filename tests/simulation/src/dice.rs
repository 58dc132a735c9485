//! What a seed decides. One stream of random numbers, so that the same seed draws the same list anywhere.

use siegel_platform::rng::{Rng, SeededRng};

/// Draws from a seed's stream.
pub struct Dice(SeededRng);

impl Dice {
    /// The dice of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// A number below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        let rng: &dyn Rng = &self.0;
        u64::from_be_bytes(rng.bytes()) % bound.max(1)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A byte, to be taken modulo whatever there is to choose from when the time comes.
    pub fn pick(&self) -> u8 {
        self.below(256) as u8
    }

    /// One of these.
    pub fn one_of<T: Copy>(&self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}
