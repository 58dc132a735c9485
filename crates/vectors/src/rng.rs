//! A generator with a fixed seed. For vectors and tests only: what it draws is known to everyone.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// The BLAKE3 output stream of a seed text.
pub struct SeededRng(blake3::OutputReader);

impl SeededRng {
    /// The stream of `seed`.
    pub fn new(seed: &str) -> Self {
        Self(blake3::Hasher::new().update(seed.as_bytes()).finalize_xof())
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill(&mut out);
        out
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.bytes()))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.bytes()))
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(dest);
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}

/// Gives out these bytes and then ends the program: to seal with a known salt.
pub struct FixedRng<'a>(pub &'a [u8]);

impl TryRng for FixedRng<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut out = [0; 4];
        self.try_fill_bytes(&mut out).map(|()| u32::from_le_bytes(out))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut out = [0; 8];
        self.try_fill_bytes(&mut out).map(|()| u64::from_le_bytes(out))
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        let (now, later) = self.0.split_at(dest.len());
        dest.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

impl TryCryptoRng for FixedRng<'_> {}

/// `length` bytes of the BLAKE3 output stream of `seed`, from `skip` on: the plaintext rule of the vectors.
pub fn stream(seed: &str, skip: u64, length: usize) -> Vec<u8> {
    let mut reader = blake3::Hasher::new().update(seed.as_bytes()).finalize_xof();
    reader.set_position(skip);
    let mut out = vec![0; length];
    reader.fill(&mut out);
    out
}
