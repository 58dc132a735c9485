//! What was opened, for a while: a secret is asked for once in five minutes and not once per row, and what was destroyed
//! elsewhere opens nothing after that.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::MutexGuard as Alone;

/// How long.
pub(super) const OPEN_MS: i64 = 5 * 60 * 1_000;
/// Those who open at the same time wait for each other by key, in so many lanes.
const LANES: usize = 16;

/// Values by their keys, each good until its time is over or the store says that it has changed.
pub(super) struct Cache<K, V> {
    open: Mutex<HashMap<K, Open<V>>>,
    lanes: [tokio::sync::Mutex<()>; LANES],
}

struct Open<V> {
    value: V,
    until_ms: i64,
    generation: u64,
}

/// When, and of which state of the store.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) now_ms: i64,
    pub(super) generation: u64,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { open: Mutex::default(), lanes: Default::default() }
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// What is open under `key`. Whatever has had its time is forgotten first.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, at: At) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut open = self.lock();
        open.retain(|_, open| at.now_ms < open.until_ms && at.generation == open.generation);
        open.get(key).map(|open| open.value.clone())
    }

    /// Keeps what was asked for at `at`.
    pub(super) fn put(&self, key: K, value: V, at: At) {
        let open = Open { value, until_ms: at.now_ms + OPEN_MS, generation: at.generation };
        self.lock().insert(key, open);
    }

    /// Forgets it.
    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.lock().remove(key);
    }

    /// Nobody else opens or destroys what lies under `key` while the guard is held: a crowd asks the store once, and what is
    /// destroyed is not put back by someone who had asked before.
    pub(super) async fn alone<Q: Hash + ?Sized>(&self, key: &Q) -> Alone<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.lanes[usize::try_from(hasher.finish() % LANES as u64).unwrap_or_default()].lock().await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Open<V>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
