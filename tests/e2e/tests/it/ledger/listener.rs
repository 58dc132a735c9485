//! A centre's owner who listens the whole time, whatever happens to the line: each record is heard of, once, and nothing of it
//! before its commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use siegel_api::events::Event;
use tokio::task::JoinHandle;

use super::House;

const COMMITTED: &str = "siegel.record.committed.v1";

/// Who listens.
pub(super) struct Listener {
    heard: Arc<Mutex<Heard>>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Heard {
    /// Ids of the events that said of a record's commit, by record.
    commits: BTreeMap<String, Vec<String>>,
    ids: BTreeSet<String>,
    /// Events that came twice, and events of a record that came before its commit.
    wrong: Vec<String>,
}

impl Heard {
    fn note(&mut self, event: Event) {
        if !self.ids.insert(event.id.clone()) {
            self.wrong.push(format!("{} of {} twice", event.kind, event.subject));
        }
        if event.kind == COMMITTED {
            self.commits.entry(event.subject).or_default().push(event.id);
        } else if event.kind.starts_with("siegel.record.") && !self.commits.contains_key(&event.subject) {
            self.wrong.push(format!("{} of {} before its commit", event.kind, event.subject));
        }
    }
}

impl Listener {
    pub(super) async fn begin(house: &House) -> Self {
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let mut events = house.owner().events(None);
        events.listen().await.unwrap();
        let told = heard.clone();
        let listening = tokio::spawn(async move {
            loop {
                let event = events.next().await.unwrap();
                told.lock().unwrap_or_else(PoisonError::into_inner).note(event);
            }
        });
        Self { heard, listening }
    }

    /// Every acknowledged record is heard of, once, and in order.
    pub(super) async fn heard_all(&self, house: &House) {
        for _ in 0..1_200 {
            assert!(!self.listening.is_finished(), "the stream ended with an error");
            if self.heard().commits.len() >= house.ledger.len() {
                break;
            }
            siegel_e2e::moment(Duration::from_millis(50)).await;
        }
        let heard = self.heard();
        let all: Vec<String> = house.ledger.records().iter().map(ToString::to_string).collect();
        let never: Vec<&String> = all.iter().filter(|record| !heard.commits.contains_key(*record)).collect();
        assert!(never.is_empty(), "{} of {} were never heard of: {never:?}", never.len(), all.len());
        let often: Vec<_> = heard.commits.iter().filter(|(_, events)| events.len() != 1).collect();
        assert!(often.is_empty(), "heard of more than once: {often:?}");
        assert!(heard.wrong.is_empty(), "{:?}", heard.wrong);
    }

    /// Ids of the events that told of commits.
    pub(super) fn commits(&self) -> Vec<String> {
        self.heard().commits.values().flatten().cloned().collect()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
