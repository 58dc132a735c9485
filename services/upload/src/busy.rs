//! What this process is in the middle of: attempts to write objects, commits, erasures. The database says what is true;
//! this says only what somebody here is already doing, so that background work leaves it alone.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Things under way.
pub struct Busy<T>(Arc<Mutex<HashSet<T>>>);

/// One thing under way, until dropped.
pub struct Doing<T: Eq + Hash> {
    all: Arc<Mutex<HashSet<T>>>,
    this: T,
}

impl<T> Default for Busy<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Eq + Hash> Busy<T> {
    /// Begins; none if it is under way.
    pub fn begin(&self, this: T) -> Option<Doing<T>> {
        lock(&self.0).insert(this.clone()).then(|| Doing { all: self.0.clone(), this })
    }

    /// Whether it is under way.
    pub fn contains(&self, this: &T) -> bool {
        lock(&self.0).contains(this)
    }
}

impl<T: Eq + Hash> Drop for Doing<T> {
    fn drop(&mut self) {
        lock(&self.all).remove(&self.this);
    }
}

fn lock<T>(all: &Mutex<HashSet<T>>) -> MutexGuard<'_, HashSet<T>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}
