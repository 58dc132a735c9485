//! Ports for programs that are told theirs.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use siegel_platform::rng::{Rng, SystemRng};

/// Addresses that are free, and that nobody gets who asks the system for any port: those it gives out begin at 32768. Six
/// programs take a while to start, and other tests start theirs meanwhile.
pub(crate) fn free_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut found = Vec::with_capacity(N);
    while found.len() < N {
        ensure!(taken.len() < 10_000, "no free port");
        let port = 12_000 + u16::try_from((&SystemRng as &dyn Rng).below(20_000))?;
        if taken.insert(port)
            && let Ok(listener) = TcpListener::bind(("127.0.0.1", port))
        {
            found.push(listener.local_addr()?);
        }
    }
    found.try_into().map_err(|_| anyhow::anyhow!("as many as were asked for"))
}
