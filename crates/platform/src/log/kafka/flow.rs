//! What is on its way between this process and itself: how far its relay has carried each partition, and how far each of its
//! consumers has been sent it. Where all services are in one process, nothing on its way means that all have heard all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The last offset of each topic's partitions.
type Offsets = BTreeMap<(Arc<str>, i32), i64>;

/// Of one process.
#[derive(Default)]
pub(super) struct Flow {
    carried: Mutex<Offsets>,
    consumers: Mutex<Vec<Weak<Heard>>>,
}

/// Of one consumer.
pub(super) struct Heard {
    #[cfg_attr(not(any(test, feature = "testing")), expect(dead_code, reason = "only tests ask what is on its way"))]
    topics: BTreeSet<Arc<str>>,
    offsets: Mutex<Offsets>,
}

impl Flow {
    /// The relay was told that brokers have everything of a partition up to here.
    pub(super) fn carried(&self, topic: &str, partition: i32, offset: Option<i64>) {
        if let Some(offset) = offset {
            lock(&self.carried).insert((topic.into(), partition), offset);
        }
    }

    /// A consumer that hears `topics`, for as long as it holds what it gets.
    pub(super) fn consumer(&self, topics: BTreeSet<Arc<str>>) -> Arc<Heard> {
        let heard = Arc::new(Heard { topics, offsets: Mutex::default() });
        let mut consumers = lock(&self.consumers);
        consumers.retain(|consumer| consumer.strong_count() > 0);
        consumers.push(Arc::downgrade(&heard));
        heard
    }

    /// Messages that were carried and not yet sent to one of our consumers that hears them.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn on_their_way(&self) -> i64 {
        let carried = lock(&self.carried).clone();
        let missing = |heard: Arc<Heard>| {
            let offsets = lock(&heard.offsets);
            let of = carried.iter().filter(|((topic, _), _)| heard.topics.contains(topic));
            of.map(|(place, offset)| (offset - offsets.get(place).copied().unwrap_or(-1)).max(0)).sum::<i64>()
        };
        lock(&self.consumers).iter().filter_map(Weak::upgrade).map(missing).sum()
    }
}

impl Heard {
    /// A message came.
    pub(super) fn came(&self, topic: &str, partition: i32, offset: i64) {
        lock(&self.offsets).insert((topic.into(), partition), offset);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_carried_and_not_heard_is_on_its_way() {
        let flow = Flow::default();
        let heard = flow.consumer(BTreeSet::from(["ours".into()]));
        flow.carried("ours", 0, Some(4));
        flow.carried("theirs", 0, Some(9));
        assert_eq!(flow.on_their_way(), 5, "five of ours; nobody here hears theirs");
        heard.came("ours", 0, 3);
        assert_eq!(flow.on_their_way(), 1);
        heard.came("ours", 0, 4);
        flow.carried("ours", 1, None);
        assert_eq!(flow.on_their_way(), 0);
        flow.carried("ours", 1, Some(0));
        drop(heard);
        assert_eq!(flow.on_their_way(), 0, "nobody hears any more");
    }
}
