//! The client's randomness: the operating system's, in one place. Everything that needs some takes it as an argument.

use rand_core::{Rng, UnwrapErr};

/// The system's generator. It panics if the system has no randomness to give: then nothing may be sealed.
pub type SystemRng = UnwrapErr<getrandom::SysRng>;

/// A generator to pass on.
pub fn system() -> SystemRng {
    UnwrapErr(getrandom::SysRng)
}

/// `N` random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    system().fill_bytes(&mut out);
    out
}
