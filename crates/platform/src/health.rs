//! Whether the process lives, and whether it should be sent requests. `/health/live` answers as long as it can answer at
//! all; `/health/ready` names what it waits for, in constants of the code: an operator reads the cause, not a stack.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State as AxumState;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

/// What readiness waits for. Clones share the same state.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: BTreeMap<&'static str, &'static str>,
    limping: BTreeMap<&'static str, &'static str>,
    full: BTreeSet<PathBuf>,
}

/// One thing readiness waits for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Waiting {
    /// What, for example `storage`.
    pub name: &'static str,
    /// Why, in a sentence.
    pub why: &'static str,
}

impl Health {
    /// Nothing to wait for: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Not ready until [`Health::ready`] is called with the same name.
    pub fn wait_for(&self, name: &'static str, why: &'static str) {
        let mut state = self.lock();
        state.limping.remove(name);
        state.waiting.insert(name, why);
    }

    /// Ready, but something is wrong that will matter if it goes on; until [`Health::ready`] is called with the same name.
    pub fn limping(&self, name: &'static str, why: &'static str) {
        let mut state = self.lock();
        state.waiting.remove(name);
        state.limping.insert(name, why);
    }

    /// This no longer has to be waited for, and is well.
    pub fn ready(&self, name: &'static str) {
        let mut state = self.lock();
        state.waiting.remove(name);
        state.limping.remove(name);
    }

    /// What is wrong and does not make us unready yet.
    pub fn limps(&self) -> Vec<Waiting> {
        self.lock().limping.iter().map(|(&name, &why)| Waiting { name, why }).collect()
    }

    /// What is waited for; empty means ready.
    pub fn waiting(&self) -> Vec<Waiting> {
        let state = self.lock();
        let full = (!state.full.is_empty())
            .then_some(Waiting { name: "storage", why: "the disk that holds the databases is full" });
        state.waiting.iter().map(|(&name, &why)| Waiting { name, why }).chain(full).collect()
    }

    /// A database found the disk full.
    pub(crate) fn storage_full(&self, path: &Path) {
        self.lock().full.insert(path.to_owned());
    }

    /// A database that had found the disk full can write again.
    pub(crate) fn storage_ok(&self, path: &Path) {
        self.lock().full.remove(path);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `/health/live` and `/health/ready`. The HTTP stack adds them to every server.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/health/live", get(async || Json(Answer { status: "live", waiting: Vec::new(), limping: Vec::new() })))
        .route("/health/ready", get(ready))
        .with_state(health)
}

#[derive(serde::Serialize)]
struct Answer {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<Waiting>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limping: Vec<Waiting>,
}

async fn ready(AxumState(health): AxumState<Health>) -> Response {
    let (waiting, limping) = (health.waiting(), health.limps());
    if waiting.is_empty() {
        return Json(Answer { status: "ready", waiting, limping }).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(Answer { status: "not-ready", waiting, limping })).into_response()
}
