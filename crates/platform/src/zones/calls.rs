//! Calls to a zone: each has a deadline, and only so many are on their way at once. A call that is given up may go on all the
//! same (a disk that hangs holds a thread, and nothing takes that back), so it runs as a task of its own and keeps its place
//! until it really ends. A zone that hangs costs the process that many threads, and never the other zone's.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::ZoneError;
use crate::clock::{SharedClock, within};
use crate::tasks::Tasks;

/// The longest that one call to a zone may last, writing 8 MiB included.
pub const DEADLINE_MS: i64 = 8_000;
/// Calls on their way, given up or not. Two zones that hang hold a quarter of the threads that the runtime has for files, and
/// at most so many parts in memory.
pub const CALLS: usize = 64;

/// The calls of one zone.
pub(super) struct Calls {
    places: Arc<Semaphore>,
    clock: SharedClock,
    /// Not the process' tasks: when it stops, nobody waits for a call that was given up.
    tasks: Tasks,
}

impl Calls {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { places: Arc::new(Semaphore::new(CALLS)), clock, tasks: Tasks::new() }
    }

    /// The call's answer, or [`ZoneError::Late`]. Waiting for a place counts: a zone without one hangs.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, ZoneError>> + Send + 'static,
    ) -> Result<T, ZoneError> {
        within(&*self.clock, DEADLINE_MS, self.to_its_end(call)).await.unwrap_or(Err(ZoneError::Late))
    }

    /// Runs what is no single answer; it sees to deadlines itself.
    pub(super) async fn begin(&self, call: impl Future<Output = ()> + Send + 'static) -> Result<(), ZoneError> {
        let Some(Ok(place)) = within(&*self.clock, DEADLINE_MS, self.places.clone().acquire_owned()).await else {
            return Err(ZoneError::Late);
        };
        drop(self.tasks.spawn("zone.listing", async move {
            let _place = place;
            call.await;
        }));
        Ok(())
    }

    async fn to_its_end<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, ZoneError>> + Send + 'static,
    ) -> Result<T, ZoneError> {
        let place = self.places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
        let running = self.tasks.spawn("zone.call", async move {
            let _place = place;
            call.await
        });
        let panicked = || Err(std::io::Error::other("a call to a zone panicked").into());
        running.await.ok().flatten().unwrap_or_else(panicked)
    }
}
